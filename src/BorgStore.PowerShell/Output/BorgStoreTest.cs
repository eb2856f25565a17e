namespace BorgStore.PowerShell.Output;

/// <summary>The result of testing a store. Properties that could not be determined are <see langword="null"/>.</summary>
public sealed class BorgStoreTest
{
    internal BorgStoreTest(string uri) => Uri = uri;

    /// <summary>The URL, without its password.</summary>
    public string Uri { get; }

    /// <summary>Whether the storage responds.</summary>
    public bool? Reach { get; internal set; }

    /// <summary>Whether the store exists.</summary>
    public bool? Exists { get; internal set; }

    /// <summary>Whether the namespaces and all of their levels are known.</summary>
    public bool? Layout { get; internal set; }

    /// <summary>Whether items can be listed.</summary>
    public bool? List { get; internal set; }

    /// <summary>Whether a value can be read.</summary>
    public bool? Read { get; internal set; }

    /// <summary>The problem and its remedy, if something does not work.</summary>
    public string? Problem { get; internal set; }

    internal bool IsUsable => Reach == true && Exists == true && List != false && Read != false;
}
