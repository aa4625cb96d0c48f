import type { Clock } from '../../common/clock.js';
import type { AgentFactory } from './agent.js';
import { JsonAgent, pushText } from './json/json.agent.js';
import { LastEncoded } from './last-encoded.js';
import { JSON_SUBPROTOCOL } from './listen/ws-connection.js';
import { MqttAgent } from './mqtt/mqtt.agent.js';
import { publish } from './mqtt/server-packet.js';

/** The protocols that come with a gate: JSON for WebSockets that ask for it, MQTT for all others. */
export function agentFactory(clock: Clock): AgentFactory {
  const json = new LastEncoded(pushText);
  const mqtt = new LastEncoded(publish);
  return (connection, host, settings) =>
    connection.subprotocol === JSON_SUBPROTOCOL ? new JsonAgent(connection, host, settings, clock, json) : new MqttAgent(connection, host, settings, clock, mqtt);
}
