// What stands in the place of a page that could not be drawn: the rest of the console goes on.
import { Component, type ComponentChildren } from "preact";

interface Drawn {
  failed: boolean;
}

export class Boundary extends Component<{ children: ComponentChildren }, Drawn> {
  override state: Drawn = { failed: false };

  override componentDidCatch(error: unknown): void {
    console.error(error);
    this.setState({ failed: true });
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <div class="state failure" role="alert">
        <h1>This page cannot be shown</h1>
        <p>That is a fault of the console, and not yours. What the service holds is untouched.</p>
        <button type="button" onClick={() => this.setState({ failed: false })}>Try again</button>
      </div>
    );
  }
}
