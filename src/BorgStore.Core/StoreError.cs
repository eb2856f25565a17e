namespace BorgStore;

/// <summary>What went wrong, in the one vocabulary that every backend, the server and the cmdlets share.</summary>
public enum StoreError
{
    /// <summary>A failure of the storage that none of the other codes names, such as an I/O error.</summary>
    BackendFailure,

    /// <summary>There is no item (or directory) of that name.</summary>
    ObjectNotFound,

    /// <summary>There is an item of that name already, and it was not to be replaced.</summary>
    ObjectAlreadyExists,

    /// <summary>There is no store at that place.</summary>
    StoreDoesNotExist,

    /// <summary>There is a store, or something else, at that place already.</summary>
    StoreAlreadyExists,

    /// <summary>The operation needs an open store, and this one was not opened or is closed by now.</summary>
    StoreNotOpen,

    /// <summary>The operation needs a store that is not open.</summary>
    StoreIsOpen,

    /// <summary>The name breaks a rule for names.</summary>
    InvalidName,

    /// <summary>The URL cannot be understood, or no backend knows its scheme.</summary>
    InvalidUrl,

    /// <summary>An argument other than a name or URL is wrong.</summary>
    InvalidArgument,

    /// <summary>The nesting levels of a namespace are not known, so that nothing can be written there.</summary>
    LayoutUnknown,

    /// <summary>The storage or the store's permissions refuse the access.</summary>
    PermissionDenied,

    /// <summary>The credentials were missing or refused.</summary>
    AuthenticationFailed,

    /// <summary>The value would make the store larger than its quota allows.</summary>
    QuotaExceeded,

    /// <summary>The storage has no room left.</summary>
    NoSpace,

    /// <summary>A block that was asked for lies outside the value.</summary>
    ReadRange,

    /// <summary>A value does not have the hash that it should have.</summary>
    HashMismatch,

    /// <summary>The connection to the storage was lost or could not be made.</summary>
    ConnectionLost,

    /// <summary>The storage stopped answering.</summary>
    Timeout,

    /// <summary>The backend cannot do this.</summary>
    NotSupported,
}
