import { connect } from '/client/index.js';

const [state, enter, rooms, problem, room, lines, say] = ['state', 'enter', 'rooms', 'problem', 'room', 'lines', 'say'].map((id) => document.getElementById(id));

/** A token for a name, over the HTTP gateway; its problem details say what is wrong. */
async function login(name) {
  const answer = await fetch('/login', { method: 'POST', body: JSON.stringify({ name }), headers: { 'content-type': 'application/json' } });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.detail);
  return body;
}

async function showRooms() {
  for (const { room: name } of await (await fetch('/rooms')).json()) {
    const button = Object.assign(document.createElement('button'), { type: 'button', textContent: name, onclick: () => (enter.elements.room.value = name) });
    rooms.append(button);
    rooms.hidden = false;
  }
}

function show({ from, text, at }, own) {
  const line = document.createElement('li');
  line.className = from === own ? 'own' : '';
  const [name, words, time] = ['b', 'span', 'time'].map((tag) => document.createElement(tag));
  name.textContent = from;
  words.textContent = text;
  time.textContent = new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  line.append(name, words, time);
  lines.append(line);
  line.scrollIntoView({ block: 'nearest' });
}

function tell(now, where) {
  state.dataset.state = now;
  state.textContent = now === 'connected' ? `in ${where}` : now;
}

enter.onsubmit = async (event) => {
  event.preventDefault();
  problem.textContent = '';
  const { name, room: where } = Object.fromEntries(new FormData(enter));
  try {
    const { gatePort } = await login(name);
    const client = await connect({
      url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.hostname}:${gatePort}`,
      username: name,
      // For each connection anew: a chat that was restarted knows no older ones.
      password: async () => (await login(name)).token,
      onState: (now) => {
        tell(now, where);
        // Not the session that was in the room: enter it again.
        if (now === 'connected' && !room.hidden && !client.resumed) void come();
      },
    });
    client.on(`room/${where}`, (line) => show(line, name));
    const come = async () => {
      const known = await client.request('rooms/HD_enter', { room: where });
      lines.replaceChildren();
      for (const line of known) show(line, name);
    };
    await come();
    [enter.hidden, room.hidden] = [true, false];
    say.elements.text.focus();
    say.onsubmit = async (sent) => {
      sent.preventDefault();
      const text = say.elements.text.value;
      say.reset();
      await client.request('rooms/HD_say', { room: where, text }).catch((error) => {
        say.elements.text.value = text;
        state.textContent = error.message;
      });
    };
  } catch (error) {
    problem.textContent = error.message;
  }
};

void showRooms();
