/** What this server does, generated from what is registered. https://hl7.org/fhir/R4/http.html#capabilities */
import { createHash } from 'node:crypto';
import { parseETags } from '../fhir/etag.ts';
import { failure } from '../fhir/outcome.ts';
import type { JsonObject } from '../fhir/resource.ts';
import type { Answer, Call, Context, Settings } from './context.ts';
import { cut, cutOf, single } from './cut.ts';
import { interactionsOf, isOffered, systemInteractions } from './path.ts';
import { supportedProfiles } from './supported-profiles.ts';

/** Normative in R4. https://hl7.org/fhir/R4/versions.html#maturity */
const normative: ReadonlySet<string> = new Set([
  'Binary',
  'Bundle',
  'CapabilityStatement',
  'CodeSystem',
  'Observation',
  'OperationDefinition',
  'OperationOutcome',
  'Parameters',
  'Patient',
  'StructureDefinition',
  'ValueSet',
]);

const encoder = new TextEncoder();
/** A statement's bytes and their tag, good as long as search parameters and definitions are those of the generations. */
interface Made {
  readonly generation: string;
  readonly bytes: Uint8Array;
  readonly tag: string;
}

/** By a server's settings, which the contexts of its bundles have too. */
const made = new WeakMap<Settings, Map<string, Made>>();

/** 200 with a CapabilityStatement (`mode=full|normative`) or TerminologyCapabilities (`mode=terminology`), or 304. */
export async function capabilities(context: Context, call: Call): Promise<Answer> {
  const mode = single(call.parameters, 'mode') ?? 'full';
  if (mode !== 'full' && mode !== 'normative' && mode !== 'terminology') {
    throw failure(400, 'value', 'mode must be full, normative or terminology.');
  }
  const { bytes, tag } = await statement(context, mode);
  const type = mode === 'terminology' ? 'TerminologyCapabilities' : 'CapabilityStatement';
  const wanted = cutOf(context, call.parameters, [type]);
  if (wanted !== undefined) return { status: 200, body: cut(context, bytes, wanted) };
  const headers = { ETag: `W/"${tag}"`, 'Cache-Control': 'no-cache' };
  const known = call.ifNoneMatch === undefined ? [] : parseETags(call.ifNoneMatch);
  if (known === '*' || known?.includes(tag) === true) return { status: 304, headers };
  return { status: 200, body: bytes, headers };
}

// Nothing but search parameters and definitions changes while the server runs, so each mode is made once for each set of them.
async function statement(context: Context, mode: 'full' | 'normative' | 'terminology'): Promise<Made> {
  const modes = made.get(context.settings) ?? new Map<string, Made>();
  made.set(context.settings, modes);
  await context.conformance.refresh();
  const generation = `${context.store.parameters.generation} ${context.conformance.generation}`;
  let entry = modes.get(mode);
  if (entry?.generation !== generation) {
    const resource =
      mode === 'terminology' ? terminologyCapabilities(context) : await capabilityStatement(context, mode);
    const bytes = encoder.encode(JSON.stringify(resource));
    const tag = createHash('sha256').update(bytes).digest('base64url').slice(0, 16);
    entry = { generation, bytes, tag };
    modes.set(mode, entry);
  }
  return entry;
}

function common({ settings, clock }: Context): JsonObject {
  return {
    status: 'active',
    date: new Date(clock()).toISOString(),
    kind: 'instance',
    software: { name: settings.software.name, version: settings.software.version },
    implementation: { description: `${settings.software.name}, a FHIR R4 server`, url: settings.baseUrl },
  };
}

/** A CapabilityStatement of all types, or of the normative ones. */
export async function capabilityStatement(context: Context, mode: 'full' | 'normative'): Promise<JsonObject> {
  const { definitions, operations, settings } = context;
  const types = [...definitions.resourceTypes]
    .filter((type) => type !== 'Parameters' && (mode === 'full' || normative.has(type)))
    .sort();
  const system = operations.filter(({ levels }) => levels.includes('system'));
  const referrers = referrersOf(context);
  const profiles = await supportedProfiles(context);
  const guides = [...(context.filed?.guides?.() ?? [])].sort();
  return {
    resourceType: 'CapabilityStatement',
    ...common(context),
    ...(guides.length === 0 ? {} : { implementationGuide: guides }),
    instantiates: ['http://hl7.org/fhir/CapabilityStatement/base2'],
    fhirVersion: '4.0.1',
    format: ['application/fhir+json', 'json'],
    patchFormat: ['application/json-patch+json', 'application/merge-patch+json', 'application/fhir+json'],
    rest: [
      {
        mode: 'server',
        ...(settings.cors ? { security: { cors: true } } : {}),
        resource: types.map((type) => resourceOf(context, type, referrers, profiles.get(type) ?? [])),
        interaction: systemInteractions.map((code) => ({ code })),
        ...(system.length === 0 ? {} : { operation: system.map(operationOf) }),
        compartment: [...definitions.compartments.values()].map(({ url }) => url).sort(),
      },
    ],
  };
}

const operationOf = ({ name, definition }: { readonly name: string; readonly definition: string }) => ({
  name: name.slice(1),
  definition,
});

/** The full-text parameters; their definitions have no expression, so that the registry doesn't know them. */
const textParameters = (['Resource-content', 'DomainResource-text'] as const).map((id) => {
  return { name: id.replace(/.*-/, '_'), definition: `http://hl7.org/fhir/SearchParameter/${id}`, type: 'string' };
});

function resourceOf(
  context: Context,
  type: string,
  referrers: ReadonlyMap<string, readonly string[]>,
  profiles: readonly string[],
): JsonObject {
  const { registry, settings, operations } = context;
  const interactions = interactionsOf(type);
  const has = (interaction: (typeof interactions)[number]) => interactions.includes(interaction);
  const parameters = registry.of(type);
  const includes = parameters.filter(({ kind }) => kind === 'reference').map(({ code }) => `${type}:${code}`);
  const revincludes = referrers.get(type) ?? [];
  const own = operations.filter((each) => isOffered(each, 'type', type) || isOffered(each, 'instance', type));
  // Not `local`: references to other servers are stored like any.
  const enforced = settings.referentialIntegrity === 'off' ? [] : ['enforced'];
  return {
    type,
    profile: `http://hl7.org/fhir/StructureDefinition/${type}`,
    ...(profiles.length === 0 ? {} : { supportedProfile: [...profiles] }),
    interaction: interactions.map((code) => ({ code })),
    versioning: 'versioned-update',
    readHistory: true,
    updateCreate: has('update'),
    conditionalCreate: has('create'),
    conditionalRead: 'full-support',
    conditionalUpdate: has('update'),
    conditionalDelete: has('delete') ? settings.conditionalDelete : 'not-supported',
    referencePolicy: ['literal', 'logical', ...enforced],
    ...(includes.length === 0 ? {} : { searchInclude: includes }),
    ...(revincludes.length === 0 ? {} : { searchRevInclude: revincludes }),
    searchParam: [
      ...textParameters,
      ...parameters.map(({ code, url, kind }) => ({ name: code, definition: url, type: kind })),
    ],
    ...(own.length === 0 ? {} : { operation: own.map(operationOf) }),
  };
}

/** By target `Type:parameter` of every reference parameter that may lead to it. */
function referrersOf(context: Context): ReadonlyMap<string, readonly string[]> {
  const collected = new Map<string, string[]>();
  for (const type of [...context.definitions.resourceTypes].sort()) {
    for (const { kind, code, targets } of context.registry.of(type)) {
      if (kind !== 'reference') continue;
      // A parameter whose definition names no targets may lead anywhere.
      for (const each of targets.length > 0 ? targets : context.definitions.resourceTypes) {
        const found = collected.get(each) ?? [];
        if (found.length === 0) collected.set(each, found);
        found.push(`${type}:${code}`);
      }
    }
  }
  return collected;
}

function terminologyCapabilities(context: Context): JsonObject {
  return { resourceType: 'TerminologyCapabilities', ...common(context), codeSearch: 'explicit' };
}
