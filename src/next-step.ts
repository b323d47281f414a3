/**
 * What to do after a failure or a result, as data: which step, with its details, and when it applies. The
 * text is made for each reader: by `tools/step-for-agents.ts` for an agent, by
 * `cli/terminal/step-for-people.ts` for a person at the command line. Texts within a step must suit both
 * readers. None may contain a secret, and text from the network goes through `quoteServerText` first.
 */
import * as v from 'valibot';

const text = v.pipe(v.string(), v.minLength(1), v.maxLength(65_536));
const texts = v.pipe(v.array(text), v.minLength(1), v.maxLength(64), v.readonly());
const seconds = v.pipe(v.number(), v.finite(), v.gtValue(0));
const flag = v.optional(v.boolean());

/** The condition under which to take a step; a step without one is the first thing to do. */
const when = v.picklist([
  'again',
  'persists',
  'otherwise',
  'confirmed',
  'done',
  'vouched',
  'trusted_with_secret',
  'own_team',
  'wanted',
  'not_declined',
  'ready',
  'ended',
  'restarted',
  'nobody_there',
  'other_team',
  'not_typed',
  'own_authorization',
  'proxied',
  'to_sign_in',
  'needed',
  'as_another',
]);
export type When = v.InferOutput<typeof when>;

const signInMethod = v.picklist(['browser', 'device', 'service_token']);

/**
 * An environment variable, with its exact value, with one more entry for its list, or with a description
 * of its value.
 */
const variable = v.union([
  v.strictObject({ name: text, value: text }),
  v.strictObject({ name: text, entry: text, insteadOf: v.optional(text) }),
  v.strictObject({ name: text, to: text }),
]);
export type Variable = v.InferOutput<typeof variable>;

function kind<Name extends string, Shape extends v.ObjectEntries>(name: Name, shape: Shape) {
  return v.strictObject({ do: v.literal(name), when: v.optional(when), ...shape });
}

const step = v.variant('do', [
  // Signing in.
  kind('sign_in', {
    /** If absent, the URL that the call or command was given. */
    url: v.optional(text),
    force: flag,
    method: v.optional(signInMethod),
    /** The method that does not work here. */
    not: v.optional(signInMethod),
    /** The sign-in is already open and only has to be joined. */
    join: flag,
    afterSeconds: v.optional(seconds),
  }),
  kind('finish_sign_in', {
    /**
     * The address that the person opens; absent if another process has opened it, or if a code is entered.
     */
    address: v.optional(text),
    /**
     * A code, and the address to enter it at (or, for an address that must not be opened, the server's
     * words about it).
     */
    code: v.optional(v.strictObject({ userCode: text, at: text })),
    /** Whether a browser has been opened; absent if unknown. */
    opened: flag,
    /** The browser is redirected to this machine, which fails if it runs on another one. */
    comesBack: v.boolean(),
    /** ISO 8601. */
    until: text,
    /** The URL to sign in to again to join it; if absent, the same call joins it. */
    join: v.optional(text),
  }),
  kind('join_open_sign_in', {}),
  kind('paste_callback', {}),
  kind('avoid_sign_in', {
    why: v.picklist([
      'untrusted',
      'same_answer',
      'not_asked',
      'same_person',
      'not_needed',
      'unasked',
      'declined',
    ]),
  }),
  /** For a server that may not start a sign-in (CF_ACCESS_HEADLESS, CI). */
  kind('run_attended', { url: v.optional(text) }),
  /** The call itself forbade signing in. */
  kind('let_call_sign_in', {}),

  // The call.
  kind('retry', { afterSeconds: v.optional(seconds) }),
  kind('do_not_retry', {}),
  kind('correct_input', { with: text }),
  kind('leave_out', { what: text }),
  kind('correct_arguments', { names: texts }),
  kind('choose_file', {
    to: v.picklist(['save', 'send']),
    need: v.picklist(['right_place', 'free_name', 'writable_folder']),
  }),
  kind('raise_timeout', {}),
  kind('fetch', {
    because: v.optional(
      v.picklist([
        'nothing_asked',
        'session',
        'service_token_ready',
        'sends_service_token',
        'signs_in_itself',
      ]),
    ),
    /** The issuer. */
    signedInAt: v.optional(text),
    /** Why the session is not on disk. */
    inMemoryBecause: v.optional(text),
  }),
  kind('print_token', {}),
  kind('use_own_credential', {}),
  kind('send_authorization', {}),
  /** One that a firewall before Access lets through, where it refuses this program's own. */
  kind('send_user_agent', {}),
  kind('run_with_service_token', {}),
  kind('see_help', { command: text }),
  kind('name_url', { command: text, variable: text }),
  kind('choose_port', {}),
  kind('report_bug', {}),
  kind('do_not_follow', {}),
  kind('stop', {}),
  kind('respect_limit', { variable: text }),
  kind('open_yourself', { what: v.picklist(['link', 'page']) }),

  // The environment and the machine.
  kind('set_variables', { variables: v.pipe(v.array(variable), v.minLength(1), v.readonly()) }),
  /** Without `names`, the variables that the message lists. */
  kind('fix_variables', { names: v.optional(texts) }),
  kind('use_service_token', { host: text }),
  kind('check_service_token', {}),
  kind('register_client', {
    host: text,
    redirectUri: v.optional(text),
    /** The authentication methods of the token endpoint. */
    authMethods: v.optional(texts),
  }),
  kind('check_network', {}),
  kind('check_proxy', {}),
  kind('trust_certificate', {}),
  kind('start_program', { port: text }),
  /** One that an MCP host has started, of this program or another. */
  kind('restart_server', {}),
  kind('end_program', { program: text }),
  kind('repair_folder', { folder: text }),
  /** `url`: where doctor measures it. */
  kind('set_clock', { url: text }),

  // Other people.
  /**
   * An administrator of `host`'s organisation, or of the one that it claims to belong to. `to`: an
   * infinitive.
   */
  kind('ask_administrator', { claimedTeam: v.optional(text), to: text }),
  kind('ask_operator', { host: text, to: text }),
  /** `whether`: a clause, such as "the address is right". */
  kind('check', { whether: text }),
]);
export type Step = v.InferOutput<typeof step>;

/**
 * Steps in the order in which to take them; one with `when: 'otherwise'` is an alternative to the previous
 * one.
 */
export const nextStepSchema = v.pipe(v.array(step), v.maxLength(16), v.readonly());
export type NextStep = v.InferOutput<typeof nextStepSchema>;
