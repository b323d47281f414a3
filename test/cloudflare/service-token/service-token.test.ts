import { describe, expect, test } from 'vitest';
import { parseHostPatterns } from '../../../src/cloudflare/host-pattern.ts';
import {
  chooseServiceToken,
  type ServiceToken,
} from '../../../src/cloudflare/service-token/service-token.ts';

async function token(clientId: string, hosts: string, general = false): Promise<ServiceToken> {
  const { patterns } = await parseHostPatterns(hosts);
  return { clientId, clientSecret: 'secret', hosts: patterns, general };
}

const team = 'acme.cloudflareaccess.com';

describe('a service token', () => {
  test('is not configured when there is none', () => {
    expect(chooseServiceToken(new URL('https://app.example.com'), [])).toEqual({
      state: 'not_configured',
    });
  });

  test('goes to a host that the person named', async () => {
    const general = await token('env', 'app.example.com', true);
    expect(chooseServiceToken(new URL('https://app.example.com/x'), [general])).toEqual({
      state: 'ready',
      token: general,
      because: 'host',
    });
  });

  test('without hosts goes nowhere, loopback included', async () => {
    const tokens = [await token('env', '', true)];
    for (const url of [
      'http://localhost:1',
      'http://127.0.0.1:1',
      'http://[::1]:1',
      'https://localhost',
      'https://app.example.com',
      'http://10.0.0.1',
      'http://localhost.evil.example',
      'http://app.example.com',
    ]) {
      expect(chooseServiceToken(new URL(url), tokens)).toEqual({ state: 'host_not_allowed' });
    }
  });

  test('goes to loopback as it is named: by its spelling, at every port or at one', async () => {
    const general = [
      await token('env', 'localhost, 127.0.0.1:8401, [::1]:443, 127.0.0.2:80', true),
    ];
    const goesTo = (url: string) => chooseServiceToken(new URL(url), general).state === 'ready';
    for (const url of [
      'http://localhost',
      'http://localhost:1',
      'https://localhost:2',
      'http://127.0.0.1:8401',
      'https://[::1]',
      'http://127.0.0.2',
    ]) {
      expect([url, goesTo(url)]).toEqual([url, true]);
    }
    for (const url of [
      'http://127.0.0.1:8402',
      'http://127.0.0.1',
      'http://[::1]:8401',
      'http://[::1]',
      'https://127.0.0.2',
      'http://127.0.0.3:8401',
    ]) {
      expect([url, goesTo(url)]).toEqual([url, false]);
    }
  });

  test('goes to a host that is proven to be the pinned team’s, and to no other team’s', async () => {
    const tokens = [await token('env', '', true)];
    const url = new URL('https://app.example.com');
    const choose = (proof: object) => chooseServiceToken(url, tokens, proof).state;
    expect(choose({ pinnedTeam: team, provenTeam: team })).toBe('ready');
    expect(choose({ pinnedTeam: team, provenTeam: 'evil.cloudflareaccess.com' })).toBe(
      'host_not_allowed',
    );
    expect(choose({ pinnedTeam: team })).toBe('host_not_allowed');
    expect(choose({ provenTeam: team })).toBe('host_not_allowed');
    expect(choose({})).toBe('host_not_allowed');
  });

  test('goes nowhere in clear, nor where the URL carries credentials, proof or not', async () => {
    const tokens = [await token('env', 'app.example.com', true)];
    const proof = { pinnedTeam: team, provenTeam: team };
    for (const url of [
      'http://app.example.com',
      'https://u:p@app.example.com',
      'http://u@localhost',
    ]) {
      expect(chooseServiceToken(new URL(url), tokens, proof)).toEqual({
        state: 'host_not_allowed',
      });
    }
  });

  test('of a file serves its own hosts, not loopback or the team', async () => {
    const tokens = [await token('file', 'a.example.com')];
    const proof = { pinnedTeam: team, provenTeam: team };
    expect(chooseServiceToken(new URL('https://a.example.com'), tokens).state).toBe('ready');
    expect(chooseServiceToken(new URL('https://b.example.com'), tokens, proof).state).toBe(
      'host_not_allowed',
    );
    expect(chooseServiceToken(new URL('http://localhost:1'), tokens).state).toBe(
      'host_not_allowed',
    );
  });

  test('is the one that names the host most narrowly', async () => {
    const tokens = [
      await token('env', '*.example.com', true),
      await token('corp', '*.corp.example.com'),
      await token('exact', 'a.corp.example.com'),
      await token('local', 'localhost'),
    ];
    const choose = (url: string) => {
      const choice = chooseServiceToken(new URL(url), tokens);
      return choice.state === 'ready' ? choice.token.clientId : choice.state;
    };
    expect(choose('https://a.corp.example.com')).toBe('exact');
    expect(choose('https://b.corp.example.com')).toBe('corp');
    expect(choose('https://b.example.com')).toBe('env');
    expect(choose('http://localhost:1')).toBe('local');
    expect(choose('http://127.0.0.1:1')).toBe('host_not_allowed');
    expect(choose('https://example.org')).toBe('host_not_allowed');
  });
});
