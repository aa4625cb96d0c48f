import type { Clock } from '../../common/clock.js';
import type { AgentFactory } from './agent.js';
import { JsonAgent } from './json/json.agent.js';
import { JSON_SUBPROTOCOL } from './listen/ws-connection.js';
import { mqttAgents } from './mqtt/mqtt.agents.js';

/** The protocols that come with a gate: JSON for WebSockets that ask for it, MQTT for all others. */
export async function agentFactory(clock: Clock): Promise<AgentFactory> {
  const mqtt = await mqttAgents(clock);
  return (connection, host, settings) => (connection.subprotocol === JSON_SUBPROTOCOL ? new JsonAgent(connection, host, settings, clock) : mqtt(connection, host, settings));
}

