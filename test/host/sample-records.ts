import type { Session } from '../../src/session/records.ts';

export function sampleSession(resource: string, accessToken = 'token-1', padding = 0): Session {
  return {
    format: 1,
    resource,
    method: 'authorization_code',
    accessToken: accessToken + 'x'.repeat(padding),
    obtainedAt: 1_700_000_000_000,
    grant: {
      issuer: 'https://acme.cloudflareaccess.com',
      tokenEndpoint: 'https://acme.cloudflareaccess.com/token',
      resourceIndicator: resource,
      client: { clientId: 'client-1', tokenEndpointAuthMethod: 'none' },
      refreshToken: `refresh-of-${accessToken}`,
    },
  };
}
