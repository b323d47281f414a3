/**
 * An application with Managed OAuth whose every answer a test can twist: resource, authorization server
 * and origin on one port. Where nothing is twisted it does what it should, and it writes down what it
 * has issued, so that a test can look for it where it must not be.
 */
import { createHash, randomBytes } from 'node:crypto';
import { type HostileOrigin, type Reply, type Seen, startHostileOrigin } from './hostile-origin.ts';

export type Twist = (
  seen: Seen,
  /** What the honest application would answer; its work is done when this is called. */
  honest: () => Reply,
  app: HostileApplication,
) => Reply | Promise<Reply>;

export interface Twists {
  /** The answer to a request without a good credential. */
  challenge?: Twist;
  resourceMetadata?: Twist;
  serverMetadata?: Twist;
  registration?: Twist;
  authorization?: Twist;
  token?: Twist;
  /** The answer to a request that is let in. */
  page?: Twist;
}

export interface HostileApplication extends HostileOrigin {
  /** Changeable, so that an application can turn bad after a good sign-in. */
  twists: Twists;
  /** Access tokens, refresh tokens and codes, all ever issued. */
  readonly issued: string[];
  /** Codes that were redeemed. */
  readonly redeemed: string[];
  of(path: string): Seen[];
  /** A new access token that is let in. */
  admit(): string;
  /** Refuses all access tokens from now on; refresh tokens stay good. */
  expire(): void;
}

export const metadataPath = '/.well-known/cloudflare-access-protected-resource';
export const tokenPath = '/oauth/token';
export const registrationPath = '/oauth/registration';
export const authorizationPath = '/oauth/authorization';
export const serverMetadataPath = '/.well-known/oauth-authorization-server';

export async function startHostileApplication(twists: Twists = {}): Promise<HostileApplication> {
  const issued: string[] = [];
  const redeemed: string[] = [];
  const access = new Set<string>();
  const refresh = new Set<string>();
  const codes = new Map<string, { challenge: string; redirectUri: string }>();
  const draw = (kind: string): string => {
    const value = `${kind}${randomBytes(24).toString('base64url')}`;
    issued.push(value);
    return value;
  };

  const routes: Record<string, [keyof Twists, (seen: Seen) => Reply]> = {
    [serverMetadataPath]: [
      'serverMetadata',
      () => ({
        json: {
          issuer: app.origin,
          authorization_endpoint: app.at(authorizationPath),
          token_endpoint: app.at(tokenPath),
          registration_endpoint: app.at(registrationPath),
          response_types_supported: ['code'],
          grant_types_supported: ['authorization_code', 'refresh_token'],
          token_endpoint_auth_methods_supported: ['none'],
          code_challenge_methods_supported: ['S256'],
        },
      }),
    ],
    [registrationPath]: [
      'registration',
      ({ body }) => ({
        status: 201,
        json: {
          ...JSON.parse(body),
          client_id: `client-${randomBytes(8).toString('hex')}`,
          token_endpoint_auth_method: 'none',
        },
      }),
    ],
    [authorizationPath]: [
      'authorization',
      ({ query }) => {
        const code = draw('code-');
        const redirectUri = query.get('redirect_uri') ?? '';
        codes.set(code, { challenge: query.get('code_challenge') ?? '', redirectUri });
        const back = new URL(redirectUri);
        back.searchParams.set('code', code);
        back.searchParams.set('state', query.get('state') ?? '');
        return { status: 302, headers: { location: back.href } };
      },
    ],
    [tokenPath]: ['token', ({ body }) => token(new URLSearchParams(body))],
  };

  const token = (form: URLSearchParams): Reply => {
    if (form.get('grant_type') === 'refresh_token') {
      if (!refresh.delete(form.get('refresh_token') ?? '')) return refusedGrant;
    } else {
      const code = form.get('code') ?? '';
      const known = codes.get(code);
      codes.delete(code);
      const challenge = createHash('sha256')
        .update(form.get('code_verifier') ?? '')
        .digest('base64url');
      if (known?.challenge !== challenge || known.redirectUri !== form.get('redirect_uri')) {
        return refusedGrant;
      }
      redeemed.push(code);
    }
    const [accessToken, refreshToken] = [draw('oauth:'), draw('oauth:')];
    access.add(accessToken);
    refresh.add(refreshToken);
    return {
      json: {
        access_token: accessToken,
        token_type: 'bearer',
        expires_in: 900,
        refresh_token: refreshToken,
      },
    };
  };

  const answer = (seen: Seen): Reply | Promise<Reply> => {
    const [name, honest] = routeOf(seen);
    const twist = app.twists[name];
    return twist ? twist(seen, () => honest(seen), app) : honest(seen);
  };

  const routeOf = (seen: Seen): [keyof Twists, (seen: Seen) => Reply] => {
    const route = routes[seen.path];
    if (route) return route;
    if (seen.path.startsWith(metadataPath)) {
      return [
        'resourceMetadata',
        () => ({ json: { resource: app.origin, authorization_servers: [app.origin] } }),
      ];
    }
    const given = /^Bearer (.*)$/.exec(seen.headers.authorization ?? '')?.[1] ?? '';
    if (access.has(given)) return ['page', () => ({ body: 'the page\n' })];
    return [
      'challenge',
      () => ({ status: 401, headers: { 'www-authenticate': challengeOf(app.origin) } }),
    ];
  };

  const app: HostileApplication = Object.assign(await startHostileOrigin(answer), {
    twists,
    issued,
    redeemed,
    of: (path: string) => app.seen.filter((one) => one.path === path),
    admit: () => {
      const token = draw('oauth:');
      access.add(token);
      return token;
    },
    expire: () => access.clear(),
  });
  return app;
}

const refusedGrant: Reply = { status: 400, json: { error: 'invalid_grant' } };

/** The challenge of Access's own (cloudflare-access.md §1). */
export function challengeOf(origin: string): string {
  return `Bearer realm="OAuth", error="invalid_token", error_description="Missing or invalid access token", resource_metadata="${origin}${metadataPath}/"`;
}

/** A twist that changes fields of an honest JSON answer; `undefined` removes one. */
export function withFields(fields: (app: HostileApplication) => Record<string, unknown>): Twist {
  return (_, honest, app) => {
    const reply = honest();
    return { ...reply, json: { ...(reply.json as object), ...fields(app) } };
  };
}

/** The same answer whatever is asked. */
export const always =
  (reply: Reply): Twist =>
  () =>
    reply;
