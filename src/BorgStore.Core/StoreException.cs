namespace BorgStore;

/// <summary>The one exception that store operations throw, besides <see cref="OperationCanceledException"/>.</summary>
/// <remarks>Its message says what was tried, on what, why it failed and what to do. It never holds a secret or a server's path.</remarks>
public sealed class StoreException : Exception
{
    /// <summary>Makes an exception.</summary>
    /// <param name="error">What went wrong.</param>
    /// <param name="message">What was tried, why it failed, what to do.</param>
    /// <param name="name">The item, namespace or store that it is about.</param>
    /// <param name="innerException">The cause, where another exception is.</param>
    public StoreException(StoreError error, string message, string? name = null, Exception? innerException = null)
        : base(message, innerException)
    {
        Error = error;
        Name = name;
    }

    /// <summary>What went wrong.</summary>
    public StoreError Error { get; }

    /// <summary>The item, namespace or store that it is about.</summary>
    public string? Name { get; }
}
