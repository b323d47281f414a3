/**
 * The records on disk. Each carries its format number, so that a record of a newer program is recognised
 * and left alone. Times are milliseconds since the epoch. All of it is secret.
 */
import * as z from 'zod/mini';
import { errorCodes } from '../errors.ts';
import { type NextStep, nextStepSchema } from '../next-step.ts';

const format = z.literal(1);
const text = z.string().check(z.minLength(1), z.maxLength(65_536));
/**
 * A value sent in a header field. Restricted, so that nobody who can write the file can forge another
 * field.
 */
const secret = z.string().check(z.minLength(1), z.maxLength(65_536), z.regex(/^[\x21-\x7e]*$/));
const instant = z.number();
const url = text.check(z.refine((value) => URL.canParse(value)));

/** How a person signed in. */
export const personMethods = ['authorization_code', 'device_code', 'browser_transfer'] as const;
export type PersonMethod = (typeof personMethods)[number];

/** Our client at the authorization server (RFC 7591 client information, or configured). */
const client = z.strictObject({
  clientId: text,
  clientSecret: z.optional(text),
  tokenEndpointAuthMethod: z.enum(['none', 'client_secret_basic', 'client_secret_post']),
});
export type OAuthClient = z.infer<typeof client>;

const session = z.strictObject({
  format,
  /** The key: the only origin and path prefix that the token was obtained for and is sent to. */
  resource: url,
  method: z.enum(personMethods),
  /** An OAuth access token, or the application's JWT after a browser transfer. */
  accessToken: secret,
  obtainedAt: instant,
  /** When the person signed in; a refresh does not change it. */
  signedInAt: z.optional(instant),
  /** Absent when the server gave no lifetime: valid until refused. */
  expiresAt: z.optional(instant),
  /** The OAuth grant behind the access token; absent after a browser transfer. */
  grant: z.optional(
    z.strictObject({
      issuer: url,
      /** Stored so that a refresh needs no discovery. Both endpoints are on the issuer's origin. */
      tokenEndpoint: url,
      revocationEndpoint: z.optional(url),
      /** The resource indicator, verbatim as the resource metadata gave it (RFC 8707). */
      resourceIndicator: text,
      client,
      refreshToken: z.optional(secret),
      scope: z.optional(z.string()),
      /** The server said that the access token is for the resource (sign-in/token-hosts.ts). */
      confirmed: z.optional(z.boolean()),
    }),
  ),
  teamDomain: z.optional(text),
  audience: z.optional(text),
});
export type Session = z.infer<typeof session>;
export type Grant = NonNullable<Session['grant']>;

/** A dynamic registration. Access offers no way to delete one, so it is stored and reused. */
const registration = z.strictObject({
  format,
  issuer: url,
  redirectUri: url,
  client,
  registeredAt: instant,
});
export type Registration = z.infer<typeof registration>;

const keptNextStep = z.union([
  nextStepSchema,
  // What earlier versions wrote: words for agents, which are not data any more.
  z.pipe(
    z.string(),
    z.transform((): NextStep => [{ do: 'sign_in' }]),
  ),
]);

/**
 * A sign-in that waits for the person. With `code`, the complete authorization request, any process can
 * redeem the response. The other methods end with the process that started them, which renews `aliveAt`
 * every few seconds.
 */
const pendingSignIn = z.strictObject({
  format,
  resource: url,
  method: z.enum(personMethods),
  startedAt: instant,
  expiresAt: instant,
  aliveAt: instant,
  code: z.optional(
    z.strictObject({
      authorizationUrl: url,
      state: text,
      codeVerifier: text,
      redirectUri: text,
      port: z.number(),
      issuer: url,
      resourceIndicator: text,
      client,
      scope: z.optional(z.string()),
      teamDomain: z.optional(text),
    }),
  ),
  /** Set when the sign-in ended without a session, so that waiting processes learn why. */
  failure: z.optional(
    z.strictObject({
      code: z.enum(errorCodes),
      message: z.string(),
      nextStep: keptNextStep,
    }),
  ),
});
export type PendingSignIn = z.infer<typeof pendingSignIn>;
export type PendingCode = NonNullable<PendingSignIn['code']>;

/** A team's org token, which can be exchanged for a token of each of the team's applications. */
const orgToken = z.strictObject({
  format,
  teamDomain: text,
  jwt: secret,
  expiresAt: instant,
});
export type OrgToken = z.infer<typeof orgToken>;

/** All sign-ins begun in the last ten minutes, by any process and however they ended. */
const begunSignIns = z.strictObject({
  format,
  begun: z.array(z.strictObject({ at: instant, host: text, server: text })),
});
export type BegunSignIns = z.infer<typeof begunSignIns>;

/** The redirection URIs that an application has refused at authorization. */
const refusedRedirects = z.strictObject({
  format,
  resource: url,
  refused: z.array(url),
});
export type RefusedRedirects = z.infer<typeof refusedRedirects>;

export interface Records {
  session: Session;
  registration: Registration;
  pending: PendingSignIn;
  org: OrgToken;
  begun: BegunSignIns;
  redirect: RefusedRedirects;
}

export const recordSchemas = {
  session,
  registration,
  pending: pendingSignIn,
  org: orgToken,
  begun: begunSignIns,
  redirect: refusedRedirects,
} as const;
