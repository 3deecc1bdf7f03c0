public import Tensors

/// What turns gradients into better weights, and can be put down and taken up exactly.
public protocol Optimizer: AnyObject {
    var learningRate: Double { get set }
    /// Steps taken.
    var stepCount: Int { get }
    func step() throws(TorchError)
    /// Moments, in an order of its own.
    func state() throws(TorchError) -> [Tensor]
    /// Goes on from what ``state()`` gave after `stepCount` steps.
    func restore(_ state: [Tensor], stepCount: Int) throws(TorchError)
}

extension Adam: Optimizer {}
extension StochasticGradientDescent: Optimizer {}
