extension GallerySnapshot {
    /// Quality of a stored template, 0…1.
    /// - Parameter index: of the person's templates of this modality, in the order of enrolment.
    /// - Precondition: there is such a template.
    public func templateQuality(_ index: Int, of person: Int, modality: Modality) -> Float {
        let (matrix, row) = place(index, of: person, modality)
        return matrix.qualities[row]
    }

    /// Scores a stored template against every person as ``match(_:modality:scores:)`` scores an embedding, with the template itself left out: its
    /// own person is judged by their other templates, and has no score where there is none.
    ///
    /// - Parameters:
    ///   - index: of the person's templates of this modality, in the order of enrolment.
    ///   - scores: `[people.count]`, written.
    /// - Precondition: there is such a template, and `scores` has one element a person.
    public func match(template index: Int, of person: Int, modality: Modality, scores: inout MutableSpan<Float>) {
        let (matrix, row) = place(index, of: person, modality)
        let values = matrix.values.span
        score(values.extracting(row * matrix.dimension..<(row + 1) * matrix.dimension), matrix, excluding: row, &scores)
    }

    private func place(_ index: Int, of person: Int, _ modality: Modality) -> (TemplateMatrix, row: Int) {
        guard let matrix = matrix(modality), index >= 0, index < templateCount(person: person, modality: modality) else {
            preconditionFailure("person \(person) has no \(modality.rawValue) template \(index)")
        }
        return (matrix, matrix.firstRow[person] + index)
    }
}
