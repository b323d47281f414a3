/** The store reads any bytes as nothing or as a valid record of that very name (contract §5). */
import fc from 'fast-check';
import * as v from 'valibot';
import { expect, it } from 'vitest';
import {
  decodeRecord,
  encodeRecord,
  recordFileName,
  recordKinds,
} from '../../src/host/files/record-file.ts';
import { recordSchemas, type Session } from '../../src/session/records.ts';

const key = 'https://app.example.com/';
const name = recordFileName(key);
const session: Session = {
  format: 1,
  resource: key,
  method: 'authorization_code',
  accessToken: 'oauth:token',
  obtainedAt: 1_700_000_000_000,
  grant: {
    issuer: 'https://acme.cloudflareaccess.com',
    tokenEndpoint: 'https://acme.cloudflareaccess.com/token',
    resourceIndicator: key,
    client: { clientId: 'client', tokenEndpointAuthMethod: 'none' },
    refreshToken: 'oauth:refresh',
  },
};

function check(bytes: Uint8Array): void {
  for (const kind of recordKinds) {
    const decoded = decodeRecord(kind, name, bytes);
    if (decoded.state !== 'record') {
      expect(['damaged', 'newer']).toContain(decoded.state);
      continue;
    }
    expect(recordFileName(decoded.key)).toBe(name);
    expect(v.is(recordSchemas[kind], decoded.record)).toBe(true);
  }
}

it('for bytes of any kind', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), check), { numRuns: 1_000 });
});

it('for JSON of any kind, in the record’s place and in the whole’s', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(...recordKinds), (record, kind) => {
      check(Buffer.from(JSON.stringify(record)));
      check(Buffer.from(JSON.stringify({ kind, key, record })));
    }),
    { numRuns: 1_000 },
  );
});

it('for a good file with any bytes changed, cut or put in', () => {
  const good = Buffer.from(encodeRecord('session', key, session));
  const at = fc.nat({ max: good.length });
  fc.assert(
    fc.property(at, at, fc.uint8Array({ maxLength: 12 }), (from, to, put) => {
      check(Buffer.concat([good.subarray(0, from), put, good.subarray(to)]));
    }),
    { numRuns: 2_000 },
  );
});

it('for a good record with any field changed', () => {
  const paths = ['resource', 'method', 'accessToken', 'obtainedAt', 'expiresAt', 'format', 'more'];
  fc.assert(
    fc.property(fc.constantFrom(...paths), fc.jsonValue(), (field, value) => {
      const record = { ...session, [field]: value };
      const bytes = Buffer.from(JSON.stringify({ kind: 'session', key, record }));
      check(bytes);
      const decoded = decodeRecord('session', name, bytes);
      if (decoded.state === 'record') expect(decoded.record).toEqual(record);
    }),
  );
});

it('never for a record of another key, though it be good (contract §4.2)', () => {
  fc.assert(
    fc.property(fc.oneof(fc.webUrl(), fc.string()), (other) => {
      if (other === key) return;
      const copied = encodeRecord('session', other, { ...session, resource: key });
      expect(decodeRecord('session', name, copied).state).toBe('damaged');
    }),
  );
});
