import type { ExplainedNode, Objection, PickExplanation, SelectorView } from '../common/explanation.js';
import type { RpcError } from '../common/rpc-error.js';
import type { NodeFilter, PickHint, SelectOptions, Selector } from '../common/selection.js';
import type { ServiceNode } from '../common/service-node.js';
import { describeFilter, type FilterSet } from './filter-set.js';
import { isForbidden } from './filters.js';
import type { KnownService } from './known-service.js';

/** What a pick is made of. */
export interface PickQuestion {
  readonly target: string;
  readonly type: string;
  /** Undefined for a service. */
  readonly nodeId: string | undefined;
  readonly path: string;
  readonly appFilters: readonly NodeFilter[];
  readonly options: SelectOptions | undefined;
  readonly filters: FilterSet | undefined;
  readonly tried: ReadonlySet<string> | undefined;
  readonly selector: Selector;
  readonly zone: string | undefined;
  readonly now: number;
  /** What the pick would throw when it finds no node. */
  readonly error: (service: KnownService) => RpcError;
}

/** Answers {@link PickQuestion} from the state of a service, and changes nothing of it. */
export function explainPick(service: KnownService, question: PickQuestion): PickExplanation {
  const { target, type, path, nodeId } = question;
  const { candidates, view } = nodeId === undefined ? byStrategy(service, question) : byId(service, question, nodeId);
  const choosable = new Set(candidates.filter(({ id }) => !view.leftOut?.has(id)));
  return {
    target,
    type,
    path,
    known: true,
    selector: nodeId === undefined ? question.selector.name : undefined,
    nodes: service.nodes.map((node) => explainNode(node, service, question, choosable.has(node), view)),
    scoring: view.scoring,
    choice: view.choice,
    certain: view.certain,
    notes: view.notes ?? [],
    ...(view.fails && { error: plain(question.error(service)) }),
  };
}

/** Of a service that nobody knows, or cannot be asked for. */
export function explainNothing({ target, type, path, nodeId, selector }: PickQuestion, error: RpcError): PickExplanation {
  return { target, type, path, known: false, selector: nodeId === undefined ? selector.name : undefined, nodes: [], choice: undefined, certain: true, notes: [], error: plain(error) };
}

interface Found {
  readonly candidates: readonly ServiceNode[];
  readonly view: SelectorView & { readonly fails: boolean };
}

function byStrategy(service: KnownService, { filters, tried, selector, type, path, options, zone }: PickQuestion): Found {
  const { eligible } = service.view(filters);
  const candidates = service.candidates(service.view(filters), filters, tried);
  if (candidates.length === 0) return { candidates, view: { choice: undefined, certain: true, fails: true } };
  const hint: PickHint = { type, path, hashKey: options?.hashKey, zone, eligible };
  const view = selector.explain?.(candidates, hint);
  if (view !== undefined) return { candidates, view: { ...view, fails: view.choice === undefined && view.certain } };
  return { candidates, view: { choice: undefined, certain: false, notes: [`${selector.name} does not explain itself: what it would choose is not known`], fails: false } };
}

function byId(service: KnownService, { tried }: PickQuestion, id: string): Found {
  const node = service.node(id);
  const candidates = node === undefined || tried?.has(id) ? [] : [node];
  return { candidates, view: { choice: candidates[0], certain: true, notes: ['the target names a node: state, filters and strategy do not count'], fails: candidates.length === 0 } };
}

function explainNode(node: ServiceNode, service: KnownService, question: PickQuestion, candidate: boolean, { scores, leftOut }: SelectorView): ExplainedNode {
  const { id } = node;
  const against: Objection[] = [];
  const object = (by: Objection['by'], detail: string | undefined) => detail !== undefined && against.push({ by, detail });
  if (isForbidden(node)) object('state', 'forbidden');
  for (const filter of question.appFilters) if (!filter(node)) object('filter', `${describeFilter(filter)}, of the app`);
  for (const filter of question.options?.filters ?? []) if (!filter(node)) object('filter', describeFilter(filter));
  object('unreachable', service.marks.describe(id, question.now));
  object('ejected', service.outliers?.describe(id, question.now));
  if (question.tried?.has(id)) object('excluded', 'has failed in this call');
  object('selector', leftOut?.get(id));
  const score = scores?.get(id);
  return { node, candidate, against, ...(score !== undefined && { score }), ...(service.isHeld(id) && { held: true }) };
}

function plain({ code, reason, message }: RpcError): NonNullable<PickExplanation['error']> {
  return { code, reason, message };
}
