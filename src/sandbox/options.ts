/** The sandbox's options and their defaults. */
import type { ApplicationName } from './catalogue.ts';
import type { FaultHook } from './server/fault.ts';

export interface ApplicationRedirects {
  allowLocalhostClients?: boolean;
  allowLoopbackClients?: boolean;
  /** “Allowed redirect URIs”, exact or ending in a wildcard for the rest of the path. */
  allowedRedirectUris?: readonly string[];
}

export interface SandboxOptions {
  /** The team's port; 0 takes any. Applications and the transfer service get ports of their own. */
  port?: number;
  /** Lifetimes may be fractions of a second. */
  accessTokenSeconds?: number;
  refreshTokenSeconds?: number;
  codeSeconds?: number;
  /** The lifetime of an application's JWT. */
  applicationSessionSeconds?: number;
  /** The lifetime of an org token, and of the person's session at the team. */
  organisationSessionSeconds?: number;
  /** How long the transfer service holds a poll. */
  transferHoldMs?: number;
  /** Added to every answer. */
  latencyMs?: number;
  /** The issuer as Cloudflare documents it, without a scheme. */
  schemelessIssuer?: boolean;
  /**
   * RFC 9207: `missing` advertises `iss` but does not send it. Absent: no `iss`, as at the real service.
   */
  iss?: 'advertised' | 'unadvertised' | 'missing';
  /** The account's toggle for redirection URIs on `localhost`. */
  allowLocalhostClients?: boolean;
  /** The account's toggle for redirection URIs on 127.0.0.1 and [::1]. */
  allowLoopbackClients?: boolean;
  /**
   * What an application's own Managed OAuth settings allow, checked at each authorization. By default,
   * everything that the account allows.
   */
  redirects?: Partial<Record<ApplicationName, ApplicationRedirects>>;
  /**
   * Whether an application's JWT (`cf-access-token`, the cookie) opens one that has Managed OAuth as well.
   * Documented for the real one, and captured by nobody.
   */
  jwtOpensManagedOAuth?: boolean;
  /**
   * What Access does with OPTIONS: refuses it, whoever asks, with or without its fields (nobody knows
   * which), or lets it through where an administrator wants that.
   */
  preflights?: 'refused' | 'refused_by_name' | 'passed';
  /**
   * A firewall rule of the applications' zone, before Access: who is neither a browser nor names this in
   * the User-Agent gets error 1010.
   */
  onlyUserAgent?: string;
  /** Offers RFC 8628, which the real service does not. */
  announceDeviceFlow?: boolean;
  deviceIntervalSeconds?: number;
  deviceCodeSeconds?: number;
  /** The path of `resource_metadata` in the challenge's header field; in the body it is the root. */
  resourcePath?: 'request' | 'root';
  fault?: FaultHook;
}

export type Settings = Required<Omit<SandboxOptions, 'iss' | 'fault' | 'onlyUserAgent'>> &
  Pick<SandboxOptions, 'iss' | 'fault' | 'onlyUserAgent'>;

export function settle(options: SandboxOptions): Settings {
  return {
    port: 0,
    accessTokenSeconds: 900,
    refreshTokenSeconds: 1_209_600,
    codeSeconds: 60,
    applicationSessionSeconds: 86_400,
    organisationSessionSeconds: 86_400,
    transferHoldMs: 60_000,
    latencyMs: 0,
    schemelessIssuer: false,
    allowLocalhostClients: true,
    allowLoopbackClients: true,
    redirects: {},
    jwtOpensManagedOAuth: true,
    preflights: 'refused',
    announceDeviceFlow: false,
    deviceIntervalSeconds: 5,
    deviceCodeSeconds: 600,
    resourcePath: 'request',
    ...options,
  };
}
