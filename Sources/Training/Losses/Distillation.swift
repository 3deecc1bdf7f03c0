/// A student that says what a teacher says.
public enum Distillation {
    /// Softened answers alike:
    ///
    ///     L = T² · 1/n Σᵢ KL(softmax(tᵢ / T) ‖ softmax(sᵢ / T))
    ///
    /// Hinton et al., "Distilling the Knowledge in a Neural Network", 2015; T² keeps the gradients' size as T changes.
    /// - Parameters: student and teacher, logits `[n, classes]`; the teacher's have no gradient.
    public static func divergence(student: TorchTensor, teacher: TorchTensor, temperature: Double = 4) throws(TorchError) -> TorchTensor {
        let fixed = try teacher.detached() / temperature
        let wanted = try fixed.logSoftmax(-1)
        let said = try (student / temperature).logSoftmax(-1)
        return try (wanted.exp() * (wanted - said)).sum([-1]).mean() * (temperature * temperature)
    }

    /// Mean absolute difference of embeddings `[n, d]`.
    public static func absolute(student: TorchTensor, teacher: TorchTensor) throws(TorchError) -> TorchTensor {
        try (student - teacher.detached()).absolute().mean()
    }

    /// 1 − cosine, the mean over embeddings `[n, d]`: 0 where all point the same way, at most 2.
    public static func cosine(student: TorchTensor, teacher: TorchTensor) throws(TorchError) -> TorchTensor {
        try -(student.unitLength() * teacher.detached().unitLength()).sum([-1]).mean() + 1
    }

    /// The cosines between all pairs of a batch alike, for students whose dimension is another than the teacher's:
    ///
    ///     L = 1/n² Σᵢⱼ (cos(sᵢ, s_j) − cos(tᵢ, t_j))²
    ///
    /// Park et al., "Relational Knowledge Distillation", CVPR 2019, in its simplest form.
    public static func relational(student: TorchTensor, teacher: TorchTensor) throws(TorchError) -> TorchTensor {
        let s = try student.unitLength(), t = try teacher.detached().unitLength()
        return try (s.matmul(s.transposed()) - t.matmul(t.transposed())).square().mean()
    }

    /// As near to each of many known answers as the teacher is:
    ///
    ///     L = 1/n Σᵢ KL(softmax(cos(tᵢ, B) / T) ‖ softmax(cos(sᵢ, B) / T))
    ///
    /// Fang et al., "SEED: Self-supervised Distillation for Visual Representation", ICLR 2021, with every answer that the teacher gave instead of the newest. Where
    /// B has the sample's own answer it is told from all others, which a cosine with it alone does not ask for.
    /// - Parameters:
    ///   - student, teacher: embeddings `[n, d]`.
    ///   - known: B, `[m, d]`; of any length.
    ///   - temperature: T, positive.
    public static func similarity(student: TorchTensor, teacher: TorchTensor, known: TorchTensor, temperature: Double = 0.07) throws(TorchError) -> TorchTensor {
        let b = try known.detached().unitLength().transposed()
        let wanted = try (teacher.detached().unitLength().matmul(b) / temperature).logSoftmax(-1), said = try (student.unitLength().matmul(b) / temperature).logSoftmax(-1)
        return try (wanted.exp() * (wanted - said)).sum([-1]).mean()
    }
}
