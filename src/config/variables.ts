/**
 * The environment variables, named and described in one place: the code that reads them, doctor,
 * docs/environment.md and the settings forms of MCP hosts all follow this table.
 */

export interface Variable {
  /** What it does, in Markdown, for docs/environment.md; hosts' forms show it without the formatting. */
  readonly meaning: string;
  /** The default, in Markdown. */
  readonly otherwise: string;
  /** Hosts store it separately and mask it while it is typed. */
  readonly secret?: true;
  readonly format?: 'boolean' | 'number' | 'filepath';
  /** The variable that is read if this one is not set. */
  readonly alias?: string;
  /** Its label in hosts' forms; variables without a title are not shown there. */
  readonly title?: string;
}

export const variables = {
  CF_ACCESS_CLIENT_ID: {
    title: 'Service token: client ID',
    meaning: 'the ID of a service token, for when nobody is there to sign in; it ends in `.access`',
    otherwise: 'none',
    alias: 'CLOUDFLARE_ACCESS_CLIENT_ID',
  },
  CF_ACCESS_CLIENT_SECRET: {
    title: 'Service token: client secret',
    meaning: 'the secret of that service token',
    otherwise: 'none',
    secret: true,
    alias: 'CLOUDFLARE_ACCESS_CLIENT_SECRET',
  },
  CF_ACCESS_CLIENT_SECRET_FILE: {
    meaning:
      'a file that contains the secret, so that it does not have to be in the host’s settings',
    otherwise: 'none',
    format: 'filepath',
  },
  CF_ACCESS_SERVICE_TOKENS_FILE: {
    meaning:
      'a file with several service tokens: `[{"hosts":["a.example.com"],"client_id":"…","client_secret":"…"}]`',
    otherwise: 'none',
    format: 'filepath',
  },
  CF_ACCESS_HOSTS: {
    title: 'Hosts that you vouch for',
    meaning:
      'the hosts that you vouch for: they may receive the service token, and people may sign in to them in the browser without signed proof of their team; `app.example.com, *.corp.example.com`. Loopback is a host like any other: `localhost:8401` names one port, `localhost` every port',
    otherwise: 'none',
  },
  CF_ACCESS_TEAM_DOMAIN: {
    title: 'Team',
    meaning:
      'pins the team (`acme` or `acme.cloudflareaccess.com`): no other team is trusted, and a host that proves to belong to the team may receive the service token',
    otherwise: 'none',
  },
  CF_ACCESS_AUTHORIZATION_SERVERS: {
    meaning:
      'further trusted authorization servers (issuers), each optionally with the hosts that may receive its tokens: `https://login.example.com=api.example.com+*.corp.example.com`. Any other host receives a token only if the token response says that it is for that host',
    otherwise: 'none',
  },
  CF_ACCESS_OAUTH_CLIENT_ID: {
    meaning:
      'an OAuth client registered beforehand, or the URL of a client ID metadata document. If an authorization server is listed or the team is pinned, the client is used with those only',
    otherwise: 'dynamic registration',
  },
  CF_ACCESS_OAUTH_CLIENT_SECRET: {
    meaning:
      'the secret of that client; sent only to a listed authorization server or the pinned team',
    otherwise: 'none',
    secret: true,
  },
  CF_ACCESS_CALLBACK_PORT: {
    meaning: 'the port for the callback; if set, no other is tried',
    otherwise: '8400, then 8401–8409',
    format: 'number',
  },
  CF_ACCESS_CALLBACK_BIND: {
    meaning:
      'the IP address that the callback’s listener binds, for a container whose port is published to your machine: `0.0.0.0` ([recipe](recipes.md#a-container)). Whoever can reach that address can reach the listener, so publish the port on 127.0.0.1 only',
    otherwise: '127.0.0.1 and ::1',
  },
  CF_ACCESS_READ_ONLY: {
    meaning:
      '`1`: only GET, HEAD and OPTIONS are sent for the agent, nothing is saved and no token is given; `access_fetch` is then annotated as read-only, so that a host may allow it unasked',
    otherwise: 'off',
    format: 'boolean',
  },
  CF_ACCESS_ALLOWED_HOSTS: {
    meaning:
      'the only hosts to which requests are sent for the agent (`app.example.com, *.corp.example.com`); this machine must be named too, and servers that sign people in are exempt',
    otherwise: 'every host',
  },
  CF_ACCESS_HEADLESS: {
    meaning: '`1`: never sign a person in (also when `CI` is `true`, unless this is `0`)',
    otherwise: 'off',
    format: 'boolean',
  },
  CF_ACCESS_DATA_DIR: {
    meaning: 'where sessions are kept: an absolute path (`~` is not expanded)',
    otherwise: 'the system’s folder for data, see below',
    format: 'filepath',
  },
  CF_ACCESS_TRANSFER_URL: {
    meaning: 'the transfer service (FedRAMP: `https://login.fed.cloudflareaccess.org`)',
    otherwise: '`https://login.cloudflareaccess.org`',
  },
  CF_ACCESS_LOG: {
    meaning: '`error`, `warn`, `info` or `debug`, on stderr',
    otherwise: '`warn`',
  },
} as const satisfies Readonly<Record<string, Variable>>;

export type VariableName = keyof typeof variables;

export const variableNames = Object.keys(variables) as readonly VariableName[];

type Aliased = Extract<(typeof variables)[VariableName], { readonly alias: string }>;
type VariableAlias = Aliased['alias'];

export const variableAliases = Object.values(variables).flatMap((variable) =>
  'alias' in variable ? [variable.alias] : [],
) as readonly VariableAlias[];

export const proxyVariables = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy'] as const;

/** Our variables, and the common ones that other programs read too. Nothing else is read. */
export type ReadVariable =
  | VariableName
  | VariableAlias
  | (typeof proxyVariables)[number]
  | 'no_proxy'
  | 'NO_PROXY'
  | 'CI'
  | 'NODE_TLS_REJECT_UNAUTHORIZED';
