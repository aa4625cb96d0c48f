import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { advertisedHost, type Interfaces } from '../../../lib/bootstrap/advertised-host.js';

const card = (address: string, internal = false) => ({ address, internal, family: address.includes(':') ? 'IPv6' : 'IPv4', netmask: '', mac: '', cidr: null, scopeid: 0 }) as NonNullable<Interfaces[string]>[number];
const machine: Interfaces = { lo: [card('127.0.0.1', true), card('::1', true)], docker0: [card('fe80::1'), card('172.17.0.1')], eth0: [card('10.1.2.3'), card('2001:db8::7')], gone: undefined };

describe('advertised host', () => {
  it('is the first IPv4 address that is no loopback, and the loopback where there is nothing else', () => {
    assert.equal(advertisedHost(undefined, machine), '172.17.0.1');
    assert.equal(advertisedHost(undefined, { lo: [card('127.0.0.1', true)], tun: [card('fe80::1')] }), '127.0.0.1');
    assert.equal(advertisedHost(undefined, {}), '127.0.0.1');
  });

  it('is what the user says: a name, an address, or the address in a network', () => {
    assert.equal(advertisedHost('order.internal', machine), 'order.internal');
    assert.equal(advertisedHost('[2001:db8::9]', machine), '2001:db8::9');
    assert.equal(advertisedHost('10.0.0.0/8', machine), '10.1.2.3');
    assert.equal(advertisedHost('2001:db8::/32', machine), '2001:db8::7');
  });

  it('is refused where it cannot be', () => {
    assert.throws(() => advertisedHost('192.168.0.0/16', machine), { reason: 'ADVERTISE_HOST', message: /no address in 192\.168\.0\.0\/16; it has 127\.0\.0\.1, ::1, fe80::1, 172\.17\.0\.1/ });
    for (const text of ['10.0.0.0/33', '10.0.0/8', 'a/8', '/8', '10.0.0.0/', '::/129', '10.0.0.0/x']) assert.throws(() => advertisedHost(text, machine), { reason: 'ADVERTISE_HOST', message: /is no network/ }, text);
  });
});
