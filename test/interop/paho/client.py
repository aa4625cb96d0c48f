"""A paho client whose events can be waited for."""
import queue
import paho.mqtt.client as mqtt

PATIENCE = 30


class Client:
    """Connects at once; `self.rc` is the CONNACK code, `self.session` its session present flag."""

    def __init__(self, port, client_id="", clean=True, transport="tcp", user=None, password=None, will=None, keepalive=60, version=mqtt.MQTTv311):
        self.events = {kind: queue.Queue() for kind in ("connect", "message", "subscribe", "unsubscribe", "disconnect", "publish", "log")}
        paho = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id, clean_session=clean, protocol=version, transport=transport, reconnect_on_failure=False)
        if user is not None:
            paho.username_pw_set(user, password)
        if will is not None:
            paho.will_set(*will)
        paho.on_connect = lambda _c, _u, flags, reason, _p: self.events["connect"].put((reason, flags.session_present))
        paho.on_message = lambda _c, _u, message: self.events["message"].put(message)
        paho.on_subscribe = lambda _c, _u, _mid, reasons, _p: self.events["subscribe"].put([reason.value for reason in reasons])
        paho.on_unsubscribe = lambda _c, _u, mid, _reasons, _p: self.events["unsubscribe"].put(mid)
        paho.on_disconnect = lambda _c, _u, _flags, reason, _p: self.events["disconnect"].put(reason)
        paho.on_publish = lambda _c, _u, mid, _reason, _p: self.events["publish"].put(mid)
        paho.on_log = lambda _c, _u, _level, text: self.events["log"].put(text)
        self.paho = paho
        paho.connect("127.0.0.1", port, keepalive)
        paho.loop_start()
        self.reason, self.session = self.wait("connect")

    def wait(self, kind):
        return self.events[kind].get(timeout=PATIENCE)

    def subscribe(self, *filters):
        """(filter, qos) pairs; returns what was granted."""
        self.paho.subscribe(list(filters))
        return self.wait("subscribe")

    def unsubscribe(self, *filters):
        self.paho.unsubscribe(list(filters))
        return self.wait("unsubscribe")

    def publish(self, topic, body, qos=0, retain=False):
        """Returns when the gate has confirmed it, whatever its quality asks for."""
        self.paho.publish(topic, body, qos, retain).wait_for_publish(PATIENCE)

    def message(self):
        """(topic, body, qos, retain)"""
        got = self.wait("message")
        return (got.topic, got.payload.decode(), got.qos, got.retain)

    def messages(self, count):
        return [self.message() for _ in range(count)]

    def request(self, topic, body):
        self.publish(topic, body)
        return self.message()

    def lose(self):
        """Without a goodbye."""
        self.paho._sock.close() if self.paho._transport == "tcp" else self.paho._sock._socket.close()
        self.paho.loop_stop()

    def leave(self):
        self.paho.disconnect()
        self.wait("disconnect")
        self.paho.loop_stop()
