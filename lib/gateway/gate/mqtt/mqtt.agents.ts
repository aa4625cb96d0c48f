import type { Clock } from '../../../common/clock.js';
import { loadPeer } from '../../../common/peer.js';
import type { AgentFactory } from '../agent.js';
import { MqttAgent } from './mqtt.agent.js';

/** Agents that speak MQTT. @throws BootError PEER_MISSING without the package `mqtt-packet` */
export async function mqttAgents(clock: Clock): Promise<AgentFactory> {
  const { default: library } = await loadPeer('mqtt-packet', 'a gate', () => import('mqtt-packet'));
  return (connection, host, settings) => new MqttAgent(library, connection, host, settings, clock);
}
