namespace BorgStore;

/// <summary>The only exception that store operations throw, besides <see cref="OperationCanceledException"/>.</summary>
/// <remarks>Its message says what was tried, on what, why it failed and what to do. It never contains secrets or paths on a server.</remarks>
public sealed class StoreException : Exception
{
    /// <summary>Initializes an exception whose message is complete, or is reworded by a caller.</summary>
    /// <param name="error">The kind of error.</param>
    /// <param name="message">What was tried, why it failed, what to do. Control characters, such as
    /// those of a name or a server's response, are escaped, and secrets in URLs are hidden.</param>
    /// <param name="name">The item, namespace or store concerned.</param>
    /// <param name="innerException">The exception that caused this one, if any.</param>
    public StoreException(StoreError error, string message, string? name = null, Exception? innerException = null)
        : base(PrintableText.Escape(StoreUrl.RedactText(message)), innerException)
    {
        Error = error;
        Name = name is null ? null : StoreUrl.RedactText(name);
    }

    /// <summary>The kind of error.</summary>
    public StoreError Error { get; }

    /// <summary>The item, namespace or store concerned.</summary>
    public string? Name { get; }

    /// <summary>The storage's own explanation, without the shared wording;
    /// <see langword="null"/> if the exception was not made by <see cref="While"/>.</summary>
    public string? Detail { get; private init; }

    /// <summary>Whether the message is already in terms of the store's caller and must not be reworded.</summary>
    internal bool IsExplained { get; init; }

    /// <summary>Creates the exception for a failed task of a storage, in the wording that all storages share.</summary>
    /// <param name="error">The kind of error.</param>
    /// <param name="task">What was tried, as the end of "Could not …": <c>load 'config/main'</c>.</param>
    /// <param name="name">The item or store concerned.</param>
    /// <param name="detail">The storage's own explanation: one or more sentences, without secrets and paths on the server.</param>
    /// <param name="innerException">The exception that caused this one, if any.</param>
    public static StoreException While(
        StoreError error, string task, string? name, string? detail = null, Exception? innerException = null)
        => new(error, StoreErrorText.Compose(error, task, detail), name, innerException) { Detail = detail ?? "" };

    /// <summary>Rewords a storage's exception in terms of the store's caller.</summary>
    /// <param name="task">What the caller tried, as the end of "Could not …".</param>
    /// <param name="name">The full name of the item, or the store's URL without secrets.</param>
    internal StoreException Explain(string task, string name)
    {
        var detail = Detail ?? (StoreErrorText.IsPlain(Error) ? "" : Message);
        return new(Error, StoreErrorText.Compose(Error, task, detail), name, this) { Detail = detail, IsExplained = true };
    }

    /// <summary>Whether the storage had no room for another connection, so that a retry a moment later may succeed.</summary>
    internal bool WasTurnedAway { get; init; }

    /// <summary>Whether this is a storage's failure that has not been reworded for the store's caller yet.</summary>
    internal bool NeedsExplanation => !IsExplained && StoreErrorText.IsOfStorage(Error);
}
