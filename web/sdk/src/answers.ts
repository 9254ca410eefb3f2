// Answers: what the values of a result's `output` are, by kind; src/engine/answer_json.cpp writes them.

export interface Label {
  label: string;
  /** A probability; of a regression the number itself. */
  score: number;
}

/** A token in place of a mask. */
export interface MaskFill {
  score: number;
  token: number;
  token_str: string;
  /** The whole text with it. */
  sequence: string;
}

/** A text that was generated; its prompt is not in it. */
export interface TextAnswer {
  text: string;
  tokens: number[];
  /** `stop`: the model, or a token that stops, ended it; `length`: it reached its limit. */
  finish_reason: 'stop' | 'length';
}

/** The answer to one input, by kind. */
export interface AnswerTypes {
  embedding: number[];
  /** Best first. */
  labels: Label[];
  /** Best first; one list for each mask where a text has several. */
  mask_fills: MaskFill[] | MaskFill[][];
  generated_text: TextAnswer;
}
export type AnswerKind = keyof AnswerTypes;
