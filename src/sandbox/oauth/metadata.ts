/**
 * The two metadata documents: protected resource metadata (RFC 9728) and authorization server metadata
 * (RFC 8414), as in cloudflare-access.md §2.
 */
import type { Application } from '../catalogue.ts';
import type { Settings } from '../options.ts';

export const deviceGrantType = 'urn:ietf:params:oauth:grant-type:device_code';

/** The resource identifier: the origin without a slash, or the guarded path without its wildcard. */
export function resourceOf(application: Application): string {
  return application.url.origin + application.path.replace(/\/?\*?$/, '');
}

export function resourceMetadata(application: Application, team: URL): unknown {
  return {
    resource: resourceOf(application),
    protected: true,
    team_domain: team.host,
    authorization_servers: [team.origin],
    authentication_method: 'cloudflared',
    authentication_method_description:
      'This resource is protected by Cloudflare Access. Sign in with cloudflared to obtain a token.',
    authentication_method_documentation:
      'https://developers.cloudflare.com/cloudflare-one/access-controls/applications/',
  };
}

export function issuerOf(team: URL, settings: Settings): string {
  return settings.schemelessIssuer ? team.host : team.origin;
}

export function serverMetadata(team: URL, settings: Settings): unknown {
  const oauth = `${team.origin}/cdn-cgi/access/oauth`;
  const grantTypes = ['authorization_code', 'refresh_token'];
  return {
    issuer: issuerOf(team, settings),
    authorization_endpoint: `${oauth}/authorization`,
    token_endpoint: `${oauth}/token`,
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: settings.announceDeviceFlow
      ? [...grantTypes, deviceGrantType]
      : grantTypes,
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'none'],
    revocation_endpoint: `${oauth}/revoke`,
    registration_endpoint: `${oauth}/registration`,
    code_challenge_methods_supported: ['S256'],
    ...(settings.announceDeviceFlow
      ? { device_authorization_endpoint: `${oauth}/device_authorization` }
      : {}),
    ...(settings.iss === 'advertised' || settings.iss === 'missing'
      ? { authorization_response_iss_parameter_supported: true }
      : {}),
  };
}
