using Microsoft.AspNetCore.Http;

namespace BorgStore.Server.Http;

/// <summary>Maps errors of a store to HTTP responses.</summary>
internal static class ErrorResponses
{
    /// <summary>The header with the exact error for our own client, because a status may stand for several errors.</summary>
    public const string Header = "X-BorgStore-Error";

    /// <summary>The header with the specific part of an error message, percent-encoded. Our own client words the rest itself.</summary>
    public const string DetailHeader = "X-BorgStore-Detail";

    /// <summary>The header with the name of the item concerned, percent-encoded, for requests about several items.</summary>
    public const string NameHeader = "X-BorgStore-Name";

    /// <summary>Returns the status for an error.</summary>
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
        // Problems between this server and the storage behind it.
        StoreError.ConnectionLost or StoreError.AuthenticationFailed => StatusCodes.Status502BadGateway,
        StoreError.Timeout => StatusCodes.Status504GatewayTimeout,
        _ => StatusCodes.Status500InternalServerError,
    };

    /// <summary>Returns the line of text for an error.</summary>
    public static string GetText(StoreException exception) => exception.Error switch
    {
        // Texts that the Python client or its tests look for.
        StoreError.StoreNotOpen => "The store must be open.",
        StoreError.StoreIsOpen => "The store must not be open.",
        StoreError.ReadRange => OneLine($"Read range error from {exception.Name}: {exception.Message}"),
        _ => OneLine(exception.Message),
    };

    private static string OneLine(string text)
        => text.Any(char.IsControl) ? string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c)) : text;
}
