// What may be given to a model: texts and pairs of texts.

/** One item: a text, or a text and a second one. */
export type Input = string | {text: string; pair?: string};
export type Content = Input | Input[];
