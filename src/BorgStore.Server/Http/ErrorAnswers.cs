using Microsoft.AspNetCore.Http;

namespace BorgStore.Server.Http;

/// <summary>The one table from errors of a store to answers of HTTP.</summary>
internal static class ErrorAnswers
{
    /// <summary>The header that tells our own client the exact error where a status stands for several.</summary>
    public const string Header = "X-BorgStore-Error";

    /// <summary>The header that tells our own client, percent-encoded, what is particular about an error: the rest it words itself.</summary>
    public const string DetailHeader = "X-BorgStore-Detail";

    /// <summary>The header that names the item that it is about, percent-encoded: one of several, as where one is made of parts.</summary>
    public const string NameHeader = "X-BorgStore-Name";

    /// <summary>The status that stands for an error.</summary>
    public static int GetStatus(StoreError error) => error switch
    {
        StoreError.ObjectNotFound => StatusCodes.Status404NotFound,
        StoreError.ObjectAlreadyExists or StoreError.StoreAlreadyExists => StatusCodes.Status409Conflict,
        StoreError.StoreDoesNotExist => StatusCodes.Status410Gone,
        StoreError.StoreNotOpen or StoreError.StoreIsOpen => StatusCodes.Status412PreconditionFailed,
        StoreError.InvalidName or StoreError.InvalidArgument => StatusCodes.Status400BadRequest,
        StoreError.PermissionDenied => StatusCodes.Status403Forbidden,
        StoreError.QuotaExceeded or StoreError.NoSpace => StatusCodes.Status507InsufficientStorage,
        StoreError.ReadRange => StatusCodes.Status416RangeNotSatisfiable,
        StoreError.HashMismatch => StatusCodes.Status422UnprocessableEntity,
        StoreError.NotSupported => StatusCodes.Status501NotImplemented,
        // What is wrong between this server and the storage behind it.
        StoreError.ConnectionLost or StoreError.AuthenticationFailed => StatusCodes.Status502BadGateway,
        StoreError.Timeout => StatusCodes.Status504GatewayTimeout,
        _ => StatusCodes.Status500InternalServerError,
    };

    /// <summary>The line of text that goes with an error.</summary>
    public static string GetText(StoreException exception) => exception.Error switch
    {
        // The words that the Python client, or its tests, look for.
        StoreError.StoreNotOpen => "The store must be open.",
        StoreError.StoreIsOpen => "The store must not be open.",
        StoreError.ReadRange => OneLine($"Read range error from {exception.Name}: {exception.Message}"),
        _ => OneLine(exception.Message),
    };

    private static string OneLine(string text)
        => text.Any(char.IsControl) ? string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c)) : text;
}
