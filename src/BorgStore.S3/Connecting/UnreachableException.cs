namespace BorgStore.Backends.S3;

/// <summary>The server can't be reached, and will not be in a second either; unlike others, the SDK does not repeat it.</summary>
/// <param name="message">Why.</param>
/// <param name="cause">How that showed, where an exception did.</param>
internal sealed class UnreachableException(string message, Exception? cause = null) : Exception(message, cause)
{
    /// <summary>What it means.</summary>
    public StoreError Error { get; init; } = StoreError.ConnectionLost;
}
