/// The cameras of this machine, and what each offers.
public struct CameraInventory: Sendable {
    public struct Entry: Hashable, Sendable {
        public var node: String
        /// Stable names of it, the best first: by-id, by-path, `usb:…`.
        public var names: [String]
        public var identity: DeviceIdentity
        public var offers: [CameraOffer]
    }

    public var cameras: [Entry]
    /// Nodes that could not be asked, as `/dev/video0` without permission. Nodes that capture no video are left out.
    public var failures: [CameraError]

    /// Asks every node; a camera in use elsewhere answers too. Takes a moment: not for the sample path.
    public init(_ locator: CameraLocator = CameraLocator()) {
        cameras = []
        failures = []
        for node in locator.nodes() {
            do throws(CameraError) {
                let device = try CaptureDevice(node)
                guard device.identity.capturesVideo else { continue }
                let names = locator.links(to: node) + (locator.usb(node).map { [$0.description] } ?? [])
                cameras.append(Entry(node: node, names: names, identity: device.identity, offers: device.offers()))
            } catch {
                switch error {
                case .notCamera, .notThere: continue
                default: failures.append(error)
                }
            }
        }
    }
}
