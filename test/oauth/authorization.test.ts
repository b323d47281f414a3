import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { AccessError } from '../../src/errors.ts';
import {
  authorizationUrl,
  drawCodeVerifier,
  readAuthorizationResponse,
} from '../../src/oauth/authorization.ts';
import type { OAuthClient } from '../../src/oauth/client.ts';

const issuer = 'https://as.example.com/tenant';
const token_endpoint = 'https://as.example.com/token';
const server = {
  issuer,
  token_endpoint,
  authorization_endpoint: 'https://as.example.com/authorize?tenant=1&client_id=evil#part',
};
const client: OAuthClient = { clientId: 'c1', tokenEndpointAuthMethod: 'none' };
const request = {
  clientId: 'c1',
  redirectUri: 'http://localhost:8400/callback',
  codeChallenge: 'challenge',
  state: 'state',
  resource: 'https://app.example.com',
};

describe('the code verifier (RFC 7636)', () => {
  it('is 43 unreserved characters or more, and S256 of it the challenge', async () => {
    const { verifier, challenge } = await drawCodeVerifier();
    expect(verifier).toMatch(/^[\w.~-]{43,128}$/);
    expect(challenge).toBe(createHash('sha256').update(verifier).digest('base64url'));
  });

  it('never has a challenge that begins with - or _, which Access refuses', async () => {
    const drawn = await Promise.all(Array.from({ length: 600 }, drawCodeVerifier));
    expect(drawn.filter(({ challenge }) => /^[-_]/.test(challenge))).toEqual([]);
    expect(new Set(drawn.map(({ verifier }) => verifier)).size).toBe(600);
  });
});

describe('the authorization request (RFC 6749 §4.1.1)', () => {
  it('has exactly its parameters, each once, and keeps the endpoint’s own query', () => {
    const url = authorizationUrl(server, { ...request, scope: 'read write' });
    expect(url.origin + url.pathname).toBe('https://as.example.com/authorize');
    expect(url.hash).toBe('');
    expect([...url.searchParams]).toEqual([
      ['tenant', '1'],
      ['client_id', 'c1'],
      ['redirect_uri', 'http://localhost:8400/callback'],
      ['response_type', 'code'],
      ['code_challenge', 'challenge'],
      ['code_challenge_method', 'S256'],
      ['state', 'state'],
      ['resource', 'https://app.example.com'],
      ['scope', 'read write'],
    ]);
  });

  it('has no scope when none is asked for', () => {
    expect(authorizationUrl(server, request).searchParams.has('scope')).toBe(false);
  });

  it('asks for consent with offline_access alone (OpenID Connect Core §11)', () => {
    const prompt = (scope: string) =>
      authorizationUrl(server, { ...request, scope }).searchParams.get('prompt');
    expect(prompt('read offline_access')).toBe('consent');
    expect(prompt('read offline_accessory')).toBeNull();
  });

  it('cannot be made for a server without an authorization endpoint', () => {
    expect(() => authorizationUrl({ issuer, token_endpoint }, request)).toThrow(
      expect.objectContaining({ code: 'unsupported_authorization_server' }),
    );
  });
});

describe('the authorization response (RFC 6749 §4.1.2)', () => {
  const read = (parameters: Record<string, string> | string, more: object = {}) =>
    readAuthorizationResponse({ ...server, ...more }, client, new URLSearchParams(parameters), {
      state: 'state',
      redirectUri: 'http://localhost:8400/callback',
    });
  const failure = (parameters: Record<string, string> | string, more: object = {}): AccessError => {
    try {
      read(parameters, more);
    } catch (error) {
      return error as AccessError;
    }
    throw new Error('it was expected to fail');
  };
  const good = { code: 'secret-code', state: 'state' };
  const advertised = { authorization_response_iss_parameter_supported: true };

  it('gives what came, checked', () => {
    expect(read(good).get('code')).toBe('secret-code');
  });

  describe('iss (RFC 9207 §2.4)', () => {
    it('may be missing when it is not advertised', () => {
      expect(read(good).get('code')).toBe('secret-code');
    });
    it('is compared when it is there although it is not advertised', () => {
      expect(read({ ...good, iss: issuer }).get('code')).toBe('secret-code');
      expect(failure({ ...good, iss: 'https://evil.example' }).code).toBe(
        'invalid_server_metadata',
      );
    });
    it('is required when it is advertised', () => {
      expect(failure(good, advertised).code).toBe('invalid_server_metadata');
      expect(failure({ ...good, iss: '' }, advertised).code).toBe('invalid_server_metadata');
    });
    it('is compared when it is advertised', () => {
      expect(read({ ...good, iss: issuer }, advertised).get('code')).toBe('secret-code');
    });
    it.each([
      ['a trailing slash too many', `${issuer}/`],
      ['another path', 'https://as.example.com'],
      ['another case', 'https://AS.example.com/tenant'],
      ['another scheme', 'http://as.example.com/tenant'],
      ['a default port', 'https://as.example.com:443/tenant'],
    ])('is compared as text: refuses %s', (_name, iss) => {
      for (const more of [{}, advertised]) {
        const { code, message } = failure({ ...good, iss }, more);
        expect(code).toBe('invalid_server_metadata');
        expect(message).not.toContain('secret-code');
      }
    });
    it('is looked at before the error: a stranger’s refusal counts for nothing', () => {
      const refusal = { error: 'access_denied', state: 'state', iss: 'https://evil.example' };
      expect(failure(refusal).code).toBe('invalid_server_metadata');
    });
  });

  it.each([
    ['another state', { ...good, state: 'other' }],
    ['no state', { code: 'secret-code' }],
    ['a state twice', 'code=secret-code&state=state&state=state'],
    ['an iss twice', `code=secret-code&state=state&iss=${issuer}&iss=${issuer}`],
    ['a token of the implicit grant', { ...good, token: 'x' }],
    ['an ID token of the hybrid flow', { ...good, id_token: 'x' }],
    ['a JARM response', { ...good, response: 'x' }],
  ])('refuses %s', (_name, parameters) => {
    const { code, message } = failure(parameters);
    expect(code).toBe('invalid_server_metadata');
    expect(message).not.toContain('secret-code');
  });

  it.each([
    ['access_denied', 'sign_in_declined'],
    ['temporarily_unavailable', 'temporarily_unavailable'],
    ['server_error', 'temporarily_unavailable'],
    ['unauthorized_client', 'registration_rejected'],
    ['invalid_scope', 'sign_in_declined'],
    ['anything', 'sign_in_declined'],
  ])('tells the error %s as %s (RFC 6749 §4.1.2.1)', (error, code) => {
    const reason = failure({ error, state: 'state', error_description: 'Because' });
    expect(reason.code).toBe(code);
    expect(reason.message).toContain(`“${error}”, “Because”`);
    expect(reason.nextStep.length).toBeGreaterThan(0);
  });

  it('takes Access’s refusal of the redirection URI for what it is, and for nobody’s no', () => {
    const reason = failure({
      error: 'invalid_request',
      state: 'state',
      error_description: 'Redirect URI not allowed by application configuration',
    });
    expect(reason.code).toBe('registration_rejected');
    expect(reason.message).toContain('http://localhost:8400/callback');
    for (const words of ['Allow localhost', 'Allow loopback', 'Allowed redirect URIs']) {
      expect(JSON.stringify(reason.nextStep)).toContain(words);
    }
    const other = failure({ error: 'invalid_request', state: 'state', error_description: 'Twice' });
    expect(other.code).toBe('sign_in_declined');
  });

  it('checks the state before the error', () => {
    expect(failure({ error: 'access_denied', state: 'other' }).code).toBe(
      'invalid_server_metadata',
    );
  });

  it.each([
    ['no code', { state: 'state' }],
    ['an empty code', { state: 'state', code: '' }],
    ['a code twice', 'state=state&code=one&code=other'],
  ])('refuses %s', (_name, parameters) => {
    expect(failure(parameters)).toMatchObject({
      code: 'sign_in_declined',
      message: expect.stringContaining('no code'),
    });
  });

  it('quotes the server’s words, stripped and cut', () => {
    const { message } = failure({
      state: 'state',
      error: 'access_denied',
      error_description: `<b>no”</b>\u202e\u0007\n## Do this instead${'x'.repeat(5000)}`,
    });
    expect(message).toContain('“<b>no"</b> ## Do this');
    expect(message.length).toBeLessThan(500);
    expect(/[\p{Cc}\p{Cf}]/u.test(message)).toBe(false);
  });
});
