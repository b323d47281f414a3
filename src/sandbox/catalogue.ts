/**
 * The applications: one per row of the first table of cloudflare-access.md, and the variants that a client
 * has to handle. The team has all of them; each has an origin of its own.
 */
export const applicationNames = [
  'managed-oauth',
  'managed-oauth-path',
  'browser-login',
  'browser-login-second',
  'browser-login-path-relative',
  'browser-login-wildcard',
  'browser-login-partial-wildcard',
  'browser-login-two-domains',
  'browser-login-two-domains-other',
  'browser-login-preview',
  'service-auth',
  'service-auth-401',
  'service-auth-or-login',
  'denied',
  'denied-or-login',
  'bypass',
  'no-application',
  'tunnel-down',
  'identity-provider',
  'strict-service-auth',
  'strict-service-auth-or-login',
] as const;

export type ApplicationName = (typeof applicationNames)[number];

/** A second domain of the same application: one audience tag, one policy, another origin. */
export const domainOfSame: Partial<Record<ApplicationName, ApplicationName>> = {
  'browser-login-two-domains-other': 'browser-login-two-domains',
};

export interface Application {
  readonly name: ApplicationName;
  /** Its origin's root: http://localhost:PORT/ */
  readonly url: URL;
  /** The audience tag: 64 hexadecimal digits. */
  readonly audience: string;
  /** The path it guards: `/`, or a path without trailing slash, optionally ending in a wildcard. */
  readonly path: string;
  /** What it is called on the login page. */
  readonly title: string;
}

const titles: Partial<Record<ApplicationName, string>> = {
  'managed-oauth': 'Internal wiki',
  'managed-oauth-path': 'Admin pages',
  'browser-login': 'Dashboard',
  'browser-login-second': 'Second dashboard',
};

const paths: Partial<Record<ApplicationName, string>> = {
  'managed-oauth-path': '/admin',
  'browser-login-wildcard': '/wiki/*',
  'browser-login-partial-wildcard': '/wiki*',
};

export function describeApplication(
  name: ApplicationName,
  port: number,
  audience: string,
): Application {
  return {
    name,
    url: new URL(`http://localhost:${port}/`),
    audience,
    path: paths[name] ?? '/',
    title: titles[name] ?? name,
  };
}

/** The domain as a person configured it: host and path, no scheme, no slash at the end. */
export function domainOf(application: Application): string {
  return application.url.host + (application.path === '/' ? '' : application.path);
}

/** Whether the application's path covers `pathname`, at a `/` boundary and after percent-decoding. */
export function guards(application: Application, pathname: string): boolean {
  if (application.path === '/') return true;
  let path = pathname;
  try {
    path = decodeURIComponent(pathname);
  } catch {
    // Not decodable: compared as received.
  }
  path = path.replace(/\/{2,}/g, '/');
  if (application.path.endsWith('*')) return path.startsWith(application.path.slice(0, -1));
  return path === application.path || path.startsWith(`${application.path}/`);
}
