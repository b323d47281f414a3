/**
 * The records on disk. Each carries its format number, so that a record of a newer program is recognised
 * and left alone. Times are milliseconds since the epoch. All of it is secret.
 */
import * as v from 'valibot';
import { errorCodes } from '../errors.ts';
import { type NextStep, nextStepSchema } from '../next-step.ts';

const format = v.literal(1);
const text = v.pipe(v.string(), v.minLength(1), v.maxLength(65_536));
/**
 * A value sent in a header field. Restricted, so that nobody who can write the file can forge another
 * field.
 */
const secret = v.pipe(v.string(), v.minLength(1), v.maxLength(65_536), v.regex(/^[\x21-\x7e]*$/));
const instant = v.pipe(v.number(), v.finite());
const url = v.pipe(
  text,
  v.check((value) => URL.canParse(value)),
);

/** How a person signed in. */
export const personMethods = ['authorization_code', 'device_code', 'browser_transfer'] as const;
export type PersonMethod = (typeof personMethods)[number];

/** Our client at the authorization server (RFC 7591 client information, or configured). */
const client = v.strictObject({
  clientId: text,
  clientSecret: v.optional(text),
  tokenEndpointAuthMethod: v.picklist(['none', 'client_secret_basic', 'client_secret_post']),
});
export type OAuthClient = v.InferOutput<typeof client>;

const session = v.strictObject({
  format,
  /** The key: the only origin and path prefix that the token was obtained for and is sent to. */
  resource: url,
  method: v.picklist(personMethods),
  /** An OAuth access token, or the application's JWT after a browser transfer. */
  accessToken: secret,
  obtainedAt: instant,
  /** When the person signed in; a refresh does not change it. */
  signedInAt: v.optional(instant),
  /** Absent when the server gave no lifetime: valid until refused. */
  expiresAt: v.optional(instant),
  /** The OAuth grant behind the access token; absent after a browser transfer. */
  grant: v.optional(
    v.strictObject({
      issuer: url,
      /** Stored so that a refresh needs no discovery. Both endpoints are on the issuer's origin. */
      tokenEndpoint: url,
      revocationEndpoint: v.optional(url),
      /** The resource indicator, verbatim as the resource metadata gave it (RFC 8707). */
      resourceIndicator: text,
      client,
      refreshToken: v.optional(secret),
      scope: v.optional(v.string()),
      /** The server said that the access token is for the resource (sign-in/token-hosts.ts). */
      confirmed: v.optional(v.boolean()),
    }),
  ),
  teamDomain: v.optional(text),
  audience: v.optional(text),
});
export type Session = v.InferOutput<typeof session>;
export type Grant = NonNullable<Session['grant']>;

/** A dynamic registration. Access offers no way to delete one, so it is stored and reused. */
const registration = v.strictObject({
  format,
  issuer: url,
  redirectUri: url,
  client,
  registeredAt: instant,
});
export type Registration = v.InferOutput<typeof registration>;

const keptNextStep = v.union([
  nextStepSchema,
  // What earlier versions wrote: words for agents, which are not data any more.
  v.pipe(
    v.string(),
    v.transform((): NextStep => [{ do: 'sign_in' }]),
  ),
]);

/**
 * A sign-in that waits for the person. With `code`, the complete authorization request, any process can
 * redeem the response. The other methods end with the process that started them, which renews `aliveAt`
 * every few seconds.
 */
const pendingSignIn = v.strictObject({
  format,
  resource: url,
  method: v.picklist(personMethods),
  startedAt: instant,
  expiresAt: instant,
  aliveAt: instant,
  code: v.optional(
    v.strictObject({
      authorizationUrl: url,
      state: text,
      codeVerifier: text,
      redirectUri: text,
      port: v.number(),
      issuer: url,
      resourceIndicator: text,
      client,
      scope: v.optional(v.string()),
      teamDomain: v.optional(text),
    }),
  ),
  /** Set when the sign-in ended without a session, so that waiting processes learn why. */
  failure: v.optional(
    v.strictObject({
      code: v.picklist(errorCodes),
      message: v.string(),
      nextStep: keptNextStep,
    }),
  ),
});
export type PendingSignIn = v.InferOutput<typeof pendingSignIn>;
export type PendingCode = NonNullable<PendingSignIn['code']>;

/** A team's org token, which can be exchanged for a token of each of the team's applications. */
const orgToken = v.strictObject({
  format,
  teamDomain: text,
  jwt: secret,
  expiresAt: instant,
});
export type OrgToken = v.InferOutput<typeof orgToken>;

/** All sign-ins begun in the last ten minutes, by any process and however they ended. */
const begunSignIns = v.strictObject({
  format,
  begun: v.array(v.strictObject({ at: instant, host: text, server: text })),
});
export type BegunSignIns = v.InferOutput<typeof begunSignIns>;

/** The redirection URIs that an application has refused at authorization. */
const refusedRedirects = v.strictObject({
  format,
  resource: url,
  refused: v.array(url),
});
export type RefusedRedirects = v.InferOutput<typeof refusedRedirects>;

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
