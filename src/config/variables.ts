/**
 * The environment variables that are read, named and described once: what reads them, doctor,
 * docs/environment.md and the forms of hosts all follow this table.
 */

export interface Variable {
  /** What it does, in Markdown, for docs/environment.md; hosts' forms show it without the marks. */
  readonly meaning: string;
  /** What holds without it, in Markdown. */
  readonly otherwise: string;
  /** Not to be shown: hosts keep it apart and cover it while it is typed. */
  readonly secret?: true;
  readonly format?: 'boolean' | 'number' | 'filepath';
  /** Read in its place where it is not set. */
  readonly alias?: string;
  /** What a form for people calls it; those without one are left out of such forms. */
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
    meaning: 'a file to read that secret from, so that it stands in no host’s settings',
    otherwise: 'none',
    format: 'filepath',
  },
  CF_ACCESS_SERVICE_TOKENS_FILE: {
    meaning:
      'a file of several service tokens: `[{"hosts":["a.example.com"],"client_id":"…","client_secret":"…"}]`',
    otherwise: 'none',
    format: 'filepath',
  },
  CF_ACCESS_HOSTS: {
    title: 'Hosts that you vouch for',
    meaning:
      'the hosts that you vouch for: they may receive the service token, and a browser login without signed proof of their team; `app.example.com, *.corp.example.com`. Loopback is a host like any other: `localhost:8401`; without a port, `localhost` stands for every port of that name',
    otherwise: 'none',
  },
  CF_ACCESS_TEAM_DOMAIN: {
    title: 'Team',
    meaning:
      'pins the team (`acme` or `acme.cloudflareaccess.com`): no other team is trusted, and a host that proves to be the team’s may receive the service token',
    otherwise: 'none',
  },
  CF_ACCESS_AUTHORIZATION_SERVERS: {
    meaning:
      'further trusted authorization servers (issuers), each perhaps with the hosts that its tokens may go to: `https://login.example.com=api.example.com+*.corp.example.com`. To any other host goes only a token whose answer says that it is for that host',
    otherwise: 'none',
  },
  CF_ACCESS_OAUTH_CLIENT_ID: {
    meaning:
      'an OAuth client registered beforehand, or the URL of a client ID metadata document. Where an authorization server is listed or the team pinned, the client is for those alone',
    otherwise: 'dynamic registration',
  },
  CF_ACCESS_OAUTH_CLIENT_SECRET: {
    meaning:
      'the secret of that client; sent only to a listed authorization server or the pinned team',
    otherwise: 'none',
    secret: true,
  },
  CF_ACCESS_CALLBACK_PORT: {
    meaning: 'the callback’s port; when set, no other is tried',
    otherwise: '8400, then 8401–8409',
    format: 'number',
  },
  CF_ACCESS_CALLBACK_BIND: {
    meaning:
      'the IP address that the callback’s listener binds, for a container whose port is published to your machine: `0.0.0.0` ([recipe](recipes.md#a-container)). Whoever can reach it can reach the listener, so publish the port on 127.0.0.1 alone',
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
      'the only hosts that the agent may have asked, this machine included only if it is named (`app.example.com, *.corp.example.com`); servers that sign people in are excepted',
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

/** Ours, and those of the system that mean the same in other programs. Nothing else is read. */
export type ReadVariable =
  | VariableName
  | VariableAlias
  | (typeof proxyVariables)[number]
  | 'no_proxy'
  | 'NO_PROXY'
  | 'CI'
  | 'NODE_TLS_REJECT_UNAUTHORIZED';
