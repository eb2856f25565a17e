namespace BorgStore;

/// <summary>The only exception that store operations throw, besides <see cref="OperationCanceledException"/>.</summary>
/// <remarks>Its message says what was tried, on what, why it failed and what to do. It never contains secrets or paths on a server.</remarks>
public sealed class StoreException : Exception
{
    /// <summary>Initializes an exception.</summary>
    /// <param name="error">The kind of error.</param>
    /// <param name="message">From a backend: the storage's own explanation, which <see cref="Store"/> completes with what was tried, the kind
    /// of error and advice; <see langword="null"/> if the kind of error says it all. From everything else: the whole message. Control
    /// characters, such as those of a name or a server's response, are escaped, and secrets in URLs are hidden.</param>
    /// <param name="name">The item, namespace or store concerned. A backend only has to give it for an operation on several items.</param>
    /// <param name="innerException">The exception that caused this one, if any.</param>
    public StoreException(StoreError error, string? message = null, string? name = null, Exception? innerException = null)
        : base(PrintableText.Escape(StoreUrl.RedactText(message is { Length: > 0 } ? message : StoreErrorText.Describe(error))), innerException)
    {
        Error = error;
        Name = name is null ? null : StoreUrl.RedactText(name);
        Detail = message is { Length: > 0 } ? Message : "";
    }

    /// <summary>The kind of error.</summary>
    public StoreError Error { get; }

    /// <summary>The item, namespace or store concerned.</summary>
    public string? Name { get; }

    /// <summary>The specific part of the message, without the wording that all storages share; may be empty.</summary>
    public string Detail { get; private init; }

    /// <summary>Whether the message is already in terms of the store's caller and must not be reworded.</summary>
    internal bool IsExplained { get; init; }

    /// <summary>Returns this storage's exception in terms of the store's caller.</summary>
    /// <param name="task">What the caller tried, as the end of "Could not …".</param>
    /// <param name="name">The full name of the item, or the store's URL without secrets, if it may be shown.</param>
    internal StoreException Explain(string task, string? name)
        => new(Error, StoreErrorText.Compose(Error, task, Detail), name, this) { Detail = Detail, IsExplained = true };

    /// <summary>Returns this exception for one of several items.</summary>
    /// <param name="name">The item concerned.</param>
    internal StoreException About(string name) => new(Error, Detail, name, this);

    /// <summary>Whether the storage had no room for another connection, so that a retry a moment later may succeed.</summary>
    internal bool WasRejected { get; init; }

    /// <summary>Whether this is a backend's failure that has not been reworded for the store's caller yet.</summary>
    internal bool NeedsExplanation => !IsExplained && Error is not (StoreError.StoreNotOpen or StoreError.StoreIsOpen);
}
