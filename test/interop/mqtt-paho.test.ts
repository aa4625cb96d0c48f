import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, it } from 'node:test';
import { describeWith, projectRoot, requireServer } from '../services/index.js';
import { openGate, type OpenGate } from './mqtt-gate.js';

interface Finding {
  readonly name: string;
  readonly error?: string;
}

/** paho/checks.py says what it looks at; the names are here too, so that a check that is never reached fails. */
const CHECKS = [
  'CONNACK codes',
  'every quality, over TCP',
  'every quality, over WebSocket',
  'what the rules of the app refuse',
  'wildcards, and topics that begin with $',
  'retained messages',
  'wills',
  'clean sessions and others',
  'the same client id twice',
  'keepalive',
  'requests and pushes, over TCP',
  'requests and pushes, over WebSocket',
];

describeWith('Python paho-mqtt at a gate', ['python3-paho'], () => {
  let gate: OpenGate | undefined;
  after(() => gate?.stop());
  let findings: Promise<Map<string, Finding>> | undefined;

  async function look(): Promise<Map<string, Finding>> {
    gate = await openGate();
    const python = spawn(requireServer('python3-paho'), [join(projectRoot(), 'test/interop/paho/checks.py'), String(gate.ports.tcp), String(gate.ports.websocket)]);
    let log = '';
    python.stderr.setEncoding('utf8').on('data', (text: string) => (log = (log + text).slice(-4000)));
    const found = new Map<string, Finding>();
    for await (const line of createInterface(python.stdout)) {
      const finding = JSON.parse(line) as Finding;
      found.set(finding.name, finding);
    }
    for (const name of CHECKS) if (!found.has(name)) found.set(name, { name, error: `it was not reached; the log of Python:\n${log}` });
    return found;
  }

  for (const name of CHECKS) {
    it(name, async () => {
      const finding = (await (findings ??= look())).get(name);
      assert.equal(finding?.error, undefined, finding?.error);
    });
  }
});
