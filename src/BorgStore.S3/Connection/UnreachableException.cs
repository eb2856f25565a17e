namespace BorgStore.Backends.S3.Connection;

/// <summary>The server cannot be reached, and a retry would not help; the SDK does not retry after this exception.</summary>
/// <param name="message">The reason.</param>
/// <param name="cause">The exception that caused this one, if any.</param>
internal sealed class UnreachableException(string message, Exception? cause = null) : Exception(message, cause)
{
    /// <summary>The kind of error.</summary>
    public StoreError Error { get; init; } = StoreError.ConnectionLost;
}
