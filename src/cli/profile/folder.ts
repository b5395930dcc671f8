/** Everything that the folder of a research case has, as data. https://hl7.org/fhir/R4/implementationguide.html */
import type { Resource } from '../../fhir/resource.ts';
import { type CasePart, caseProfile } from './case-profile.ts';
import type { Column } from './columns.ts';
import type { About } from './definition.ts';
import { examplesOf } from './examples.ts';
import { extensionDefinition, fieldParameter } from './field.ts';
import { jsonText } from './json-text.ts';
import { canonicalOf, idOf, titleOf } from './names.ts';
import { coded, outcomeProfile, outcomeValue } from './outcome-profile.ts';
import type { Plan, PlannedField } from './plan.ts';
import { readmeOf } from './readme.ts';
import { terminologyOf } from './terminology.ts';

export interface WrittenFile {
  /** Below the case's folder. */
  readonly path: string;
  readonly text: string;
}

/** The files of a case, in a fixed order, beside `columns.csv`. */
export function filesOf(plan: Plan): readonly WrittenFile[] {
  const examples = examplesOf(plan);
  return [
    ...definitionsOf(plan).map((resource) => ({
      path: `${resource.resourceType}-${resource.id}.json`,
      text: jsonText(resource),
    })),
    ...examples.map(({ file, resource }) => ({ path: `examples/${file}.json`, text: jsonText(resource) })),
    { path: 'README.md', text: readmeOf(plan, examples) },
  ];
}

/** The case's profile, its extensions, outcome measures, value sets and search parameters. */
export function definitionsOf(plan: Plan): readonly Resource[] {
  const { id, title, fields, narrowings, outcomes } = plan;
  const description = `A research case: ${title.slice(0, 1).toLowerCase()}${title.slice(1)}.`;
  const own = outcomes.filter(({ shared }) => !shared);
  const uncoded = own.filter(({ written }) => written.code === undefined);
  return [
    caseProfile(
      { id, title, description },
      fields,
      narrowings,
      outcomes.map(({ part }) => part),
    ),
    ...fields.flatMap(fieldDefinitions),
    ...narrowings.flatMap(({ valueSet, written }) => terminologyOf(aboutOf(valueSet, written), written.allowed)),
    ...own.flatMap(({ part, written }) => outcomeDefinitions(id, part, written)),
    ...(uncoded.length === 0
      ? []
      : terminologyOf(
          { id, title: `Outcome measures of ${title}`, description: `What is measured after ${title.toLowerCase()}.` },
          uncoded.map(({ part, title: display }) => ({ code: part.name, display })),
        )),
  ];
}

function aboutOf(id: string, { name, description }: Column): About {
  const title = titleOf(name);
  return { id, title, description: description ?? `${title}.` };
}

function fieldDefinitions({ extension, written: column, shared, title, valueSet }: PlannedField): readonly Resource[] {
  if (shared !== undefined) {
    if (valueSet === undefined) return [];
    return terminologyOf({ id: valueSet, title, description: `${title}: the codes of this case.` }, shared.codings);
  }
  const about = aboutOf(extension, column);
  return [
    extensionDefinition(about, column),
    fieldParameter(about, idOf(column.name), extension, column),
    ...(column.type === 'code' ? terminologyOf(about, column.allowed) : []),
  ];
}

function outcomeDefinitions(id: string, { name, profile }: CasePart, column: Column): readonly Resource[] {
  const about = aboutOf(profile, column);
  const { system, code } = column.code ?? { system: canonicalOf('CodeSystem', id), code: name };
  return [
    outcomeProfile({ about, code: coded(system, code), elements: [outcomeValue(column, profile)] }),
    ...(column.type === 'code' ? terminologyOf(about, column.allowed) : []),
  ];
}
