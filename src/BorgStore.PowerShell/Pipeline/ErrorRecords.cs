using System.Collections.Frozen;
using System.Management.Automation;

namespace BorgStore.PowerShell.Pipeline;

/// <summary>Creates error records. The identifier is the name of the <see cref="StoreError"/>, and the target is the item. Control characters are
/// escaped in messages, but not in the target object.</summary>
internal static class ErrorRecords
{
    private static readonly FrozenDictionary<StoreError, ErrorCategory> Categories = new Dictionary<StoreError, ErrorCategory>
    {
        [StoreError.BackendFailure] = ErrorCategory.DeviceError,
        [StoreError.ObjectNotFound] = ErrorCategory.ObjectNotFound,
        [StoreError.ObjectAlreadyExists] = ErrorCategory.ResourceExists,
        [StoreError.StoreDoesNotExist] = ErrorCategory.ObjectNotFound,
        [StoreError.StoreAlreadyExists] = ErrorCategory.ResourceExists,
        [StoreError.StoreNotOpen] = ErrorCategory.InvalidOperation,
        [StoreError.StoreIsOpen] = ErrorCategory.InvalidOperation,
        [StoreError.InvalidName] = ErrorCategory.InvalidArgument,
        [StoreError.InvalidUrl] = ErrorCategory.InvalidArgument,
        [StoreError.InvalidArgument] = ErrorCategory.InvalidArgument,
        [StoreError.LayoutUnknown] = ErrorCategory.InvalidOperation,
        [StoreError.PermissionDenied] = ErrorCategory.PermissionDenied,
        [StoreError.AuthenticationFailed] = ErrorCategory.AuthenticationError,
        [StoreError.QuotaExceeded] = ErrorCategory.QuotaExceeded,
        [StoreError.NoSpace] = ErrorCategory.ResourceUnavailable,
        [StoreError.ReadRange] = ErrorCategory.InvalidArgument,
        [StoreError.HashMismatch] = ErrorCategory.InvalidData,
        [StoreError.ConnectionLost] = ErrorCategory.ConnectionError,
        [StoreError.Timeout] = ErrorCategory.OperationTimeout,
        [StoreError.NotSupported] = ErrorCategory.NotImplemented,
        [StoreError.StoreLocked] = ErrorCategory.ResourceBusy,
    }.ToFrozenDictionary();

    /// <summary>Creates an error record.</summary>
    /// <param name="exception">The exception.</param>
    /// <param name="target">The target, if the exception does not name it.</param>
    public static ErrorRecord From(Exception exception, object? target = null)
    {
        var record = Make(exception, target);
        var message = PrintableText.Escape(record.ToString());
        if (message != record.ToString()) record.ErrorDetails = new(message);
        var shownTarget = PrintableText.Escape(record.CategoryInfo.TargetName);
        if (shownTarget != record.CategoryInfo.TargetName) record.CategoryInfo.TargetName = shownTarget;
        return record;
    }

    private static ErrorRecord Make(Exception exception, object? target) => exception switch
    {
        StoreException e => new(e, e.Error.ToString(), Categories.GetValueOrDefault(e.Error, ErrorCategory.NotSpecified), target ?? e.Name),
        IContainsErrorRecord e => e.ErrorRecord,
        FileNotFoundException or DirectoryNotFoundException => new(exception, "PathNotFound", ErrorCategory.ObjectNotFound, target),
        UnauthorizedAccessException => new(exception, "PathAccessDenied", ErrorCategory.PermissionDenied, target),
        IOException => new(exception, "FileFailure", ErrorCategory.DeviceError, target),
        _ => new(exception, exception.GetType().Name, ErrorCategory.NotSpecified, target),
    };
}
