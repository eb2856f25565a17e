namespace BorgStore.Backends.S3;

/// <summary>The server can't be reached, and will not be in a second either; unlike others, the SDK does not repeat it.</summary>
/// <param name="message">Why.</param>
/// <param name="cause">How that showed.</param>
internal sealed class UnreachableException(string message, Exception cause) : Exception(message, cause);
