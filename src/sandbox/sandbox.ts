/**
 * A local Cloudflare Access on loopback: a team domain, a transfer service, and one application per row
 * of cloudflare-access.md. It shares no code with the client that it stands in for.
 */
import { randomBytes } from 'node:crypto';
import { visitApplication } from './application/application.ts';
import { OidcApplication } from './application/oidc-application.ts';
import {
  type Application,
  type ApplicationName,
  applicationNames,
  describeApplication,
  domainOfSame,
} from './catalogue.ts';
import type { AuthorizationServer } from './oauth/authorization.ts';
import type { DeviceRequests } from './oauth/device.ts';
import { Grants } from './oauth/grants.ts';
import { type SandboxOptions, settle } from './options.ts';
import type { Fault } from './server/fault.ts';
import { LoopbackServer, type Wiring } from './server/loopback-server.ts';
import { type RecordedRequest, RequestLog } from './server/request-log.ts';
import { OidcProvider } from './team/oidc-provider.ts';
import { Organisation, refusedPerson } from './team/organisation.ts';
import type { ServiceToken } from './team/service-tokens.ts';
import { SigningKeys } from './team/signing-keys.ts';
import { visitTeam } from './team/team.ts';
import { TransferService } from './team/transfer.ts';

export type SandboxApplication = Application;
export type { ApplicationName, Fault, RecordedRequest, SandboxOptions };

export interface Sandbox {
  /** The team domain's origin. */
  readonly team: URL;
  readonly transfer: URL;
  readonly applications: Readonly<Record<ApplicationName, Application>>;
  /** Live: grows with each request, keeps the last 10,000. */
  readonly requests: readonly RecordedRequest[];
  /** Valid, and allowed by every Service Auth policy. */
  readonly serviceToken: ServiceToken;
  /** Valid, but allowed by no policy. */
  readonly otherServiceToken: ServiceToken;
  /** The addresses on the login page. */
  readonly people: readonly string[];
  /** The one whom the policies refuse at first. */
  readonly refusedPerson: string;
  /** Changes whether the policies admit a person, for sign-ins, refreshes and application JWTs. */
  setAdmitted(person: string, admitted: boolean): void;
  /** Expires OAuth access tokens and application JWTs; refresh tokens and org tokens stay valid. */
  expireAccessTokens(): void;
  /**
   * An administrator's “Revoke existing tokens” (cloudflare-access.md §3.5): a refresh goes on giving
   * tokens, and they are refused like those before; application JWTs as well.
   */
  revokeTokens(): void;
  /** Ends everything that a sign-in granted, including refresh tokens and org tokens. */
  endGrants(): void;
  /** Makes the team sign with a new key; the previous one stays valid. */
  rotateKeys(): void;
  clearRequests(): void;
  close(): Promise<void>;
}

/** Rejects with the system's error (EADDRINUSE) when the team's port is taken. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const settings = settle(options);
  const servers: LoopbackServer[] = [];
  const listen = async (port: number) => {
    const server = await LoopbackServer.listen(port);
    servers.push(server);
    return server;
  };
  const close = async () => {
    await Promise.all(servers.map((one) => one.close()));
  };
  const applicationServers = new Map<ApplicationName, LoopbackServer>();
  let teamServer: LoopbackServer;
  let transferServer: LoopbackServer;
  try {
    teamServer = await listen(settings.port);
    transferServer = await listen(0);
    for (const name of applicationNames) applicationServers.set(name, await listen(0));
  } catch (error) {
    await close();
    throw error;
  }

  const audiences = new Map(
    applicationNames.map((name) => [name, randomBytes(32).toString('hex')]),
  );
  const applications = Object.fromEntries(
    [...applicationServers].map(([name, { port }]) => [
      name,
      describeApplication(name, port, audiences.get(domainOfSame[name] ?? name) ?? ''),
    ]),
  ) as Record<ApplicationName, Application>;
  const keys = await SigningKeys.create();
  const organisation = new Organisation(settings, teamServer.origin, applications, keys);
  const grants = new Grants(settings);
  const transfer = new TransferService(settings.transferHoldMs);
  const server: AuthorizationServer = { organisation, clients: new Map(), grants };
  const devices: DeviceRequests = new Map();
  const oidc = new OidcProvider(organisation);
  const log = new RequestLog();

  const wire = (host: Wiring['host'], handle: Wiring['handle']): Wiring => {
    return { host, log, latencyMs: settings.latencyMs, fault: settings.fault, handle };
  };
  teamServer.serve(wire('team', (request) => visitTeam(server, devices, oidc, request)));
  transferServer.serve(wire('transfer', (request) => transfer.handle(request)));
  const edge = { organisation, grants, transfer, oidc: new OidcApplication(oidc, keys) };
  for (const [name, applicationServer] of applicationServers) {
    const application = applications[name];
    applicationServer.serve(wire(name, (request) => visitApplication(edge, application, request)));
  }

  return {
    team: teamServer.origin,
    transfer: transferServer.origin,
    applications,
    requests: log.requests,
    serviceToken: organisation.serviceTokens.allowed,
    otherServiceToken: organisation.serviceTokens.other,
    people: organisation.people,
    refusedPerson,
    setAdmitted: (person, admitted) => organisation.setAdmitted(person, admitted),
    expireAccessTokens: () => {
      grants.expireAccessTokens();
      organisation.endApplicationSessions();
    },
    revokeTokens: () => {
      grants.revokeTokens();
      organisation.endApplicationSessions();
    },
    endGrants: () => {
      grants.endAll();
      organisation.endApplicationSessions();
      organisation.endOrganisationSessions();
    },
    rotateKeys: () => organisation.keys.rotate(),
    clearRequests: () => log.clear(),
    close,
  };
}
