/** One party on the driver's network. Forgetting it does nothing to the line. */
export class Line {
  /** What events name it by. */
  readonly id: string;
  /** The dialled party rings. */
  ring(): void;
  /** The dialled party is heard before it answers. */
  progress(description: string): void;
  /** The dialled party answers; `description` answers the SDP offer. */
  answer(description: string): void;
  /** The line is over, for a Q.850 cause (16 unless said). */
  hangUp(cause?: number): void;
}

/** A party of the driver's network calls `to`; `description` is its SDP offer, `because` the id of a line for whose sake it calls. */
export function offer(to: string, description: string, options?: { number?: string; name?: string; because?: string }): Line;
/** A line that is up, by what events name it by; null if there is none. */
export function find(id: string): Line | null;
