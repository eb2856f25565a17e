namespace BorgStore;

/// <summary>The kind of error, in a vocabulary shared by all backends, the server and the cmdlets.</summary>
public enum StoreError
{
    /// <summary>A failure of the storage that no other code describes, such as an I/O error.</summary>
    BackendFailure,

    /// <summary>There is no item or directory of that name.</summary>
    ObjectNotFound,

    /// <summary>There is already an item of that name, and it was not to be replaced.</summary>
    ObjectAlreadyExists,

    /// <summary>There is no store at that place.</summary>
    StoreDoesNotExist,

    /// <summary>There is already a store, or something else, at that place.</summary>
    StoreAlreadyExists,

    /// <summary>The operation needs an open store, but this one is not open yet or already closed.</summary>
    StoreNotOpen,

    /// <summary>The operation needs a store that is not open.</summary>
    StoreIsOpen,

    /// <summary>The name is invalid.</summary>
    InvalidName,

    /// <summary>The URL cannot be parsed, or no backend handles its scheme.</summary>
    InvalidUrl,

    /// <summary>An argument other than a name or URL is invalid.</summary>
    InvalidArgument,

    /// <summary>The nesting levels of a namespace are not known, so nothing can be written there.</summary>
    LayoutUnknown,

    /// <summary>The storage or the store's permissions deny the access.</summary>
    PermissionDenied,

    /// <summary>The credentials were missing or refused.</summary>
    AuthenticationFailed,

    /// <summary>The value would make the store larger than its quota allows.</summary>
    QuotaExceeded,

    /// <summary>The storage has no room left.</summary>
    NoSpace,

    /// <summary>A requested range is outside the value.</summary>
    ReadRange,

    /// <summary>A value does not have the expected hash.</summary>
    HashMismatch,

    /// <summary>The connection to the storage was lost or could not be established.</summary>
    ConnectionLost,

    /// <summary>The storage stopped responding.</summary>
    Timeout,

    /// <summary>The backend does not support the operation.</summary>
    NotSupported,

    /// <summary>The Borg repository in the store is locked by somebody else.</summary>
    StoreLocked,
}
