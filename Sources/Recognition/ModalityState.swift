/// How well one modality is there at all, whoever is seen or heard.
public enum ModalityState: String, Sendable, Hashable {
    /// Delivers faces or speech.
    case present
    /// Delivers, but no face or no speech is in it.
    case silent
    /// Delivers faces or speech too poor to rely on.
    case degraded
    /// Delivers nothing.
    case lost
}
