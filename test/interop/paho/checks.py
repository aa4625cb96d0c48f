"""What paho-mqtt finds of a gate. Arguments: ports of TCP and WebSocket. One line of JSON for each check; the gate's side is mqtt-paho.test.ts."""
import json
import sys
import traceback
import paho.mqtt.client as mqtt
from client import Client

TCP, WS = int(sys.argv[1]), int(sys.argv[2])


def same(got, wanted):
    assert got == wanted, f"got {got!r}, wanted {wanted!r}"


def connack_codes():
    known = Client(TCP, user="mia", password="right")
    same((known.reason.is_failure, known.session), (False, False))
    known.leave()
    same(str(Client(TCP, user="mia", password="wrong").reason), "Bad user name or password")
    same(str(Client(TCP, user="banned", password="right").reason), "Not authorized")
    same(str(Client(TCP, user="broken", password="right").reason), "Server unavailable")
    same(str(Client(TCP, version=mqtt.MQTTv31, client_id="old", user="mia", password="right").reason), "Success")


def every_quality(transport, port):
    a, b = (Client(port, user="mia", password="right", transport=transport) for _ in range(2))
    same(b.subscribe(("q/0", 0), ("q/1", 1), ("q/2", 2)), [0, 1, 2])
    for granted in (0, 1, 2):
        for sent in (0, 1, 2):
            a.publish(f"q/{granted}", f"{granted}{sent}", sent)
            same(b.message(), (f"q/{granted}", f"{granted}{sent}", min(granted, sent), False))
    # 3.3.5: of overlapping filters the highest quality, and once.
    b.subscribe(("over/+", 0), ("over/#", 2))
    a.publish("over/lap", "x", 2)
    a.publish("over/lap", "y", 1)
    same(b.messages(2), [("over/lap", "x", 2, False), ("over/lap", "y", 1, False)])
    a.leave()
    b.leave()


def acl():
    client = Client(TCP, user="mia", password="right")
    same(client.subscribe(("a/ok", 1), ("private/x", 2), ("b/ok", 0)), [1, 0x80, 0])
    # Refused, and confirmed (3.3.5.2).
    client.publish("private/x", "no", 1)
    client.publish("a/ok", "yes", 1)
    same(client.message()[:2], ("a/ok", "yes"))
    client.leave()


def wildcards():
    client, other = (Client(TCP, user="mia", password="right") for _ in range(2))
    for filter, takes, leaves in (
        ("sport/tennis/player1/#", ["sport/tennis/player1", "sport/tennis/player1/ranking"], ["sport/tennis/player2"]),
        ("w/+", ["w/a", "w/"], ["w", "w/a/b"]),
        ("+/x/+", ["a/x/b", "/x/"], ["a/y/b", "$a/x/b"]),
        ("#", ["z", "/", "a//b"], ["$SYS/x"]),
        ("A/b", ["A/b"], ["a/b", "A/b/"]),
    ):
        client.subscribe((filter, 1))
        for topic in leaves + takes:
            other.publish(topic, topic, 1)
        same([client.message()[0] for _ in takes], takes)
        client.unsubscribe(filter)
    other.publish("z", "nobody", 1)
    client.subscribe(("end", 1))
    other.publish("end", "", 1)
    same(client.message()[0], "end")
    client.leave()
    other.leave()


def retained():
    a = Client(TCP, user="mia", password="right")
    for topic in ("keep/1", "keep/2", "keep/$x"):
        a.publish(topic, "old", 1, True)
    a.publish("keep/1", "new", 1, True)
    a.publish("keep/2", "", 1, True)
    b = Client(TCP, user="mia", password="right")
    b.subscribe(("keep/#", 1))
    same(sorted(b.messages(2)), [("keep/$x", "old", 1, True), ("keep/1", "new", 1, True)])
    # To those who are there already it is a message like any other (3.3.1-9).
    a.publish("keep/1", "newer", 1, True)
    same(b.message(), ("keep/1", "newer", 1, False))
    b.subscribe(("keep/1", 0))
    same(b.message(), ("keep/1", "newer", 0, True))
    for topic in ("keep/1", "keep/$x"):
        a.publish(topic, "", 0, True)
    a.leave()
    b.leave()


def wills():
    watcher = Client(TCP, user="mia", password="right")
    watcher.subscribe(("will/#", 1))
    Client(TCP, user="mia", password="right", will=("will/1", "lost", 1, True)).lose()
    same(watcher.message(), ("will/1", "lost", 1, False))
    Client(TCP, user="mia", password="right", will=("will/2", "never", 1, False)).leave()
    # Wills are under the same rules as publishing.
    watcher.subscribe(("private-look", 0))
    Client(TCP, user="mia", password="right", will=("private/will", "no", 1, True)).lose()
    Client(WS, user="mia", password="right", transport="websockets", will=("will/3", "lost too", 0, False)).lose()
    same(watcher.message(), ("will/3", "lost too", 0, False))
    late = Client(TCP, user="mia", password="right")
    late.subscribe(("will/1", 1))
    same(late.message(), ("will/1", "lost", 1, True))
    late.publish("will/1", "", 0, True)
    watcher.leave()
    late.leave()


def sessions():
    name = {"user": "mia", "password": "right", "client_id": "kept"}
    first = Client(TCP, clean=False, **name)
    same(first.session, False)
    first.subscribe(("news/#", 2), ("zero", 0))
    first.leave()
    a = Client(TCP, user="mia", password="right")
    for qos in (1, 2, 1):
        a.publish("news/x", f"away {qos}", qos)
    second = Client(TCP, clean=False, **name)
    same(second.session, True)
    # Paho gives a message of quality 2 to the app when all of it is confirmed.
    same(sorted(second.messages(3)), [("news/x", "away 1", 1, False), ("news/x", "away 1", 1, False), ("news/x", "away 2", 2, False)])
    a.publish("news/y", "here", 2)
    same(second.message(), ("news/y", "here", 2, False))
    second.leave()
    third = Client(TCP, clean=True, **name)
    same(third.session, False)
    a.publish("news/z", "nobody", 1)
    third.leave()
    fourth = Client(TCP, clean=False, **name)
    same(fourth.session, False)
    fourth.subscribe(("end", 1))
    a.publish("end", "", 1)
    same(fourth.message()[0], "end")
    fourth.leave()
    a.leave()


def takeover():
    watcher = Client(TCP, user="mia", password="right")
    watcher.subscribe(("taken", 1))
    first = Client(TCP, client_id="twin", user="mia", password="right", will=("taken", "over", 1, False))
    second = Client(TCP, client_id="twin", user="mia", password="right")
    assert first.wait("disconnect").is_failure
    # Its network connection was closed by the server, without DISCONNECT (3.1.2-8).
    same(watcher.message()[:2], ("taken", "over"))
    second.subscribe(("still", 1))
    second.publish("still", "here", 1)
    same(second.message()[:2], ("still", "here"))
    watcher.leave()
    second.leave()


def keepalive():
    client = Client(TCP, user="mia", password="right", keepalive=1)
    answers = 0
    while answers < 3:
        answers += "Received PINGRESP" in client.wait("log")
    client.leave()


def requests(transport, port):
    client = Client(port, user="mia", password="right", transport=transport)
    topic, body, qos, _ = client.request("chat/HD_hello/1", '{"name":"ä"}')
    same((topic, json.loads(body)["Result"], json.loads(body)["Error"], qos), ("chat/HD_hello/1", "hello ä of mia", "", 0))
    client.publish("chat/HD_push", '{"topic":"inbox"}')
    same(client.message(), ("inbox", '{"n":1}', 1, False))
    same(json.loads(client.request("chat/HD_none/2", "{}")[1])["Result"], None)
    client.leave()


CHECKS = {
    "CONNACK codes": connack_codes,
    "every quality, over TCP": lambda: every_quality("tcp", TCP),
    "every quality, over WebSocket": lambda: every_quality("websockets", WS),
    "what the rules of the app refuse": acl,
    "wildcards, and topics that begin with $": wildcards,
    "retained messages": retained,
    "wills": wills,
    "clean sessions and others": sessions,
    "the same client id twice": takeover,
    "keepalive": keepalive,
    "requests and pushes, over TCP": lambda: requests("tcp", TCP),
    "requests and pushes, over WebSocket": lambda: requests("websockets", WS),
}

for name, check in CHECKS.items():
    try:
        check()
        print(json.dumps({"name": name}), flush=True)
    except BaseException:  # the reason is told, and the others go on
        print(json.dumps({"name": name, "error": traceback.format_exc()}), flush=True)
