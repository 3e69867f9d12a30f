/** Labels on every built image. Images inherit labels from their base, so every build sets all of them. */
export const keyLabel = 'image-tasks.key';
export const taskLabel = 'image-tasks.task';
/** JSON: for each needed task, the image ID or files digest that this image was built with. */
export const needsLabel = 'image-tasks.needs';

/** The label on every test container: the process that runs it, as JSON. */
export const testOwnerLabel = 'image-tasks.test-owner';
