namespace BorgStore;

/// <summary>The one exception that store operations throw, besides <see cref="OperationCanceledException"/>.</summary>
/// <remarks>Its message says what was tried, on what, why it failed and what to do. It never holds a secret or a server's path.</remarks>
public sealed class StoreException : Exception
{
    /// <summary>Makes an exception whose message is complete, or that somebody further up words anew.</summary>
    /// <param name="error">What went wrong.</param>
    /// <param name="message">What was tried, why it failed, what to do. Control characters in it, as of a name or a server's answer, are escaped,
    /// and URLs shown without their secrets.</param>
    /// <param name="name">The item, namespace or store that it is about.</param>
    /// <param name="innerException">The cause, where another exception is.</param>
    public StoreException(StoreError error, string message, string? name = null, Exception? innerException = null)
        : base(PrintableText.Escape(StoreUrl.RedactText(message)), innerException)
    {
        Error = error;
        Name = name is null ? null : StoreUrl.RedactText(name);
    }

    /// <summary>What went wrong.</summary>
    public StoreError Error { get; }

    /// <summary>The item, namespace or store that it is about.</summary>
    public string? Name { get; }

    /// <summary>What the storage itself says, without what every storage would say; <see langword="null"/> where the message was not made by
    /// <see cref="While"/>.</summary>
    public string? Detail { get; private init; }

    /// <summary>Whether it is worded for the one who called the store, so that nobody words it again.</summary>
    internal bool IsExplained { get; init; }

    /// <summary>Makes the exception of something that a storage could not do, in the words that all storages share.</summary>
    /// <param name="error">What went wrong.</param>
    /// <param name="task">What was tried, as the end of "Could not …": <c>load 'config/main'</c>.</param>
    /// <param name="name">The item or store that it is about.</param>
    /// <param name="detail">What the storage itself says to it: a sentence or several; without secrets and paths of the server.</param>
    /// <param name="innerException">The cause, where another exception is.</param>
    public static StoreException While(
        StoreError error, string task, string? name, string? detail = null, Exception? innerException = null)
        => new(error, StoreErrorText.Compose(error, task, detail), name, innerException) { Detail = detail ?? "" };

    /// <summary>Words an exception of a storage for the one who called the store.</summary>
    /// <param name="task">What the caller tried.</param>
    /// <param name="name">The full name of the item, or the URL of the store as it is shown.</param>
    internal StoreException Explain(string task, string name)
    {
        var detail = Detail ?? (StoreErrorText.IsPlain(Error) ? "" : Message);
        return new(Error, StoreErrorText.Compose(Error, task, detail), name, this) { Detail = detail, IsExplained = true };
    }

    /// <summary>Whether the storage had no room for another connection, and may have it a moment later.</summary>
    internal bool WasTurnedAway { get; init; }

    /// <summary>Whether this is the failure of a storage, and nobody worded it yet for the one who called the store.</summary>
    internal bool NeedsExplanation => !IsExplained && StoreErrorText.IsOfStorage(Error);
}
