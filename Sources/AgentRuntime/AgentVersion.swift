/// The version that `--version`, events and status state.
public enum AgentVersion {
    public static let current = "0.1.0"
}
