/**
 * A team's data: its people and policies, its keys and service tokens, its applications, and the JWTs that
 * it issues for them.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import type { Application, ApplicationName } from '../catalogue.ts';
import type { Settings } from '../options.ts';
import { createServiceTokens, type ServiceTokens } from './service-tokens.ts';
import type { Claims, SigningKeys } from './signing-keys.ts';

/** Whose request it is, as Access tells the origin. */
export type Identity =
  | { readonly kind: 'person'; readonly email: string; readonly jwt: string }
  | { readonly kind: 'service'; readonly clientId: string; readonly jwt: string };

/** On the login page, but refused by the policies until `setAdmitted`. */
export const refusedPerson = 'outsider@example.net';

export class Organisation {
  readonly settings: Settings;
  readonly team: URL;
  readonly applications: Readonly<Record<ApplicationName, Application>>;
  readonly keys: SigningKeys;
  readonly serviceTokens: ServiceTokens = createServiceTokens();
  readonly people: readonly string[] = ['ada@example.com', 'grace@example.com', refusedPerson];
  readonly #refused = new Set([refusedPerson]);
  readonly #subjects = new Map<string, string>();
  readonly #audience = randomBytes(32).toString('hex');
  // JWTs cannot be revoked, so those of an older generation are refused instead.
  #applicationGeneration = 1;
  #organisationGeneration = 1;

  constructor(
    settings: Settings,
    team: URL,
    applications: Readonly<Record<ApplicationName, Application>>,
    keys: SigningKeys,
  ) {
    this.settings = settings;
    this.team = team;
    this.applications = applications;
    this.keys = keys;
  }

  /** Whether the Allow policies, the same for all applications, admit this person. */
  admits(email: string): boolean {
    return this.people.includes(email) && !this.#refused.has(email);
  }

  setAdmitted(email: string, admitted: boolean): void {
    if (admitted) this.#refused.delete(email);
    else this.#refused.add(email);
  }

  /** Every application JWT issued until now is refused from now on. */
  endApplicationSessions(): void {
    this.#applicationGeneration++;
  }

  /** Every org token issued until now is refused from now on. */
  endOrganisationSessions(): void {
    this.#organisationGeneration++;
  }

  personJwt(application: Application, email: string): string {
    return this.keys.sign({
      aud: [application.audience],
      email,
      ...this.#times(this.settings.applicationSessionSeconds),
      iss: this.team.origin,
      type: 'app',
      identity_nonce: `${this.#applicationGeneration}.${randomBytes(8).toString('hex')}`,
      sub: this.subjectOf(email),
      country: 'T1',
    });
  }

  serviceJwt(application: Application, clientId: string): string {
    return this.keys.sign({
      type: 'app',
      aud: [application.audience],
      ...this.#times(this.settings.applicationSessionSeconds),
      iss: this.team.origin,
      common_name: clientId,
      identity_nonce: `${this.#applicationGeneration}.${randomBytes(8).toString('hex')}`,
      sub: '',
    });
  }

  organisationJwt(email: string): string {
    return this.keys.sign({
      type: 'org',
      aud: this.#audience,
      email,
      ...this.#times(this.settings.organisationSessionSeconds),
      iss: this.team.origin,
      identity_nonce: `${this.#organisationGeneration}.${randomBytes(8).toString('hex')}`,
      sub: this.subjectOf(email),
    });
  }

  /** The identity in an application's JWT; undefined when it is not this application's, or ended. */
  readApplicationJwt(application: Application, jwt: string): Identity | undefined {
    const claims = this.keys.verify(jwt);
    if (claims?.type !== 'app' || !Array.isArray(claims.aud)) return undefined;
    if (!claims.aud.includes(application.audience)) return undefined;
    if (generationOf(claims) !== this.#applicationGeneration) return undefined;
    if (typeof claims.email === 'string') return { kind: 'person', email: claims.email, jwt };
    if (typeof claims.common_name !== 'string') return undefined;
    return { kind: 'service', clientId: claims.common_name, jwt };
  }

  /** The person in an org token. */
  readOrganisationJwt(jwt: string): string | undefined {
    const claims = this.keys.verify(jwt);
    if (claims?.aud !== this.#audience) return undefined;
    if (generationOf(claims) !== this.#organisationGeneration) return undefined;
    return typeof claims.email === 'string' ? claims.email : undefined;
  }

  /** The domains of an application, each as an application of its own. */
  domainsByAudience(audience: unknown): Application[] {
    return Object.values(this.applications).filter((one) => one.audience === audience);
  }

  /** The same in every token of a person, as at the real team. */
  subjectOf(email: string): string {
    const subject = this.#subjects.get(email) ?? randomUUID();
    this.#subjects.set(email, subject);
    return subject;
  }

  #times(seconds: number): Claims {
    // Whole seconds, unless the lifetime itself is fractional.
    const now = Date.now() / 1000;
    const issuedAt = Math.floor(now);
    const expiresAt = Number.isInteger(seconds) ? issuedAt + seconds : now + seconds;
    return { exp: expiresAt, iat: issuedAt, nbf: issuedAt };
  }
}

function generationOf(claims: Claims): number {
  return Number.parseInt(String(claims.identity_nonce), 10);
}
