/** What `REFERENTIAL_INTEGRITY` asks of writes. https://hl7.org/fhir/R4/capabilitystatement-definitions.html#CapabilityStatement.rest.resource.referencePolicy */
import { localReferences } from '../fhir/references.ts';
import type { Resource } from '../fhir/resource.ts';
import type { ResourceKey } from '../store/write.ts';
import type { RequiredReference } from './commit.ts';
import type { Context } from './context.ts';

/** The references of a resource that must resolve after it is written; `prefix` goes before each expression. */
export function requiredReferences(context: Context, resource: Resource, prefix = ''): readonly RequiredReference[] {
  const { referentialIntegrity, baseUrl } = context.settings;
  if (referentialIntegrity === 'off') return [];
  return localReferences(resource, context.definitions, baseUrl).map(({ type, id, expression }) => ({
    type,
    id,
    expression: prefix + expression,
  }));
}

/** What nothing may refer to once it is deleted. */
export function unreferencedAfter(context: Context, deleted: readonly ResourceKey[]): readonly ResourceKey[] {
  return context.settings.referentialIntegrity === 'full' ? deleted : [];
}
