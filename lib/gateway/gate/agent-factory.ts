import type { Clock } from '../../common/clock.js';
import type { AgentFactory } from './agent.js';
import { JsonAgent } from './json/json.agent.js';
import { JSON_SUBPROTOCOL } from './listen/ws-connection.js';
import { MqttAgent } from './mqtt/mqtt.agent.js';

/** The protocols that come with a gate: JSON for WebSockets that ask for it, MQTT for all others. */
export function agentFactory(clock: Clock): AgentFactory {
  return (connection, host, settings) => new (connection.subprotocol === JSON_SUBPROTOCOL ? JsonAgent : MqttAgent)(connection, host, settings, clock);
}
