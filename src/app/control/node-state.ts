import type { OperationsSources } from '../../http/endpoints/operations-routes.ts';
import type { ControlMetrics } from '../../telemetry/metrics/control-metrics.ts';
import { formatMetrics } from '../../telemetry/metrics/metric-families.ts';
import { registerReadyMetric } from '../../telemetry/metrics/parts/node-metrics.ts';
import { assessNode, assessWriterParts, type WriterParts } from '../../telemetry/node-health.ts';
import type { NodeStatus, NodeStatusReport } from '../../telemetry/node-status.ts';
import type { DecisionPort } from '../../workers/decision-port.ts';

/** The state and the metrics of a node: those of the control process and of the process that decides. */
export class NodeState implements OperationsSources {
  readonly #status: NodeStatus;
  readonly #metrics: ControlMetrics;
  /** undefined: the node is starting. */
  #decisions: DecisionPort | undefined;
  /** undefined: the node only reads the catalog. */
  #writer: WriterParts | undefined;

  /** `status` and `metrics` are those of the control process. */
  constructor(status: NodeStatus, metrics: ControlMetrics) {
    this.#status = status;
    this.#metrics = metrics;
    registerReadyMetric(metrics.registry, () => this.readState());
  }

  /** Adds the process that decides once it has started, and the parts of a node that writes the catalog. */
  observe(decisions: DecisionPort, writer: WriterParts | undefined): void {
    this.#decisions = decisions;
    this.#writer = writer;
  }

  async readState(): Promise<NodeStatusReport> {
    const ofDecisions = await this.#decisions?.readStatus(undefined).catch(() => undefined);
    const own = this.#status.read();
    if (this.#decisions === undefined) return own;
    const reasons =
      own.reasons.length > 0 ? own.reasons : (ofDecisions?.reasons ?? ['the decision process does not answer']);
    const { catalog, counters, rules } = ofDecisions ?? own;
    const writerParts = this.#writer === undefined ? [] : assessWriterParts(this.#writer);
    const parts = [...(ofDecisions ?? own).parts, ...writerParts];
    return {
      ...own,
      ready: reasons.length === 0,
      health: assessNode(reasons, parts),
      parts,
      reasons,
      catalog,
      counters,
      rules,
    };
  }

  async isServing(): Promise<boolean> {
    return (await this.readState()).ready;
  }

  /** While the process that decides does not answer, only the metrics of the control process. */
  async readMetrics(): Promise<string> {
    const ofDecisions = this.#decisions?.readMetrics(undefined).catch(() => []);
    return formatMetrics(await Promise.all([ofDecisions ?? [], this.#metrics.read()]));
  }
}
