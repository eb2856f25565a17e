using Amazon.Runtime.CredentialManagement;
using Amazon.Runtime.Internal.Util;

namespace BorgStore.Backends.S3.Connection;

/// <summary>The server that a profile of the AWS configuration names.</summary>
/// <remarks>The SDK does not expose what it reads from a section 'services', and drops the
/// server of a profile that says to ignore it, even if the environment overrides that.</remarks>
internal static class ProfileEndpoint
{
    private const string EndpointKey = "endpoint_url";

    /// <summary>Returns the server as configured: from the section 'services' for S3, or else from the profile itself.</summary>
    /// <param name="profile">The profile, if there is one.</param>
    public static string? Find(CredentialProfile? profile)
    {
        // Only Windows has other profile stores, and these contain no servers.
        if (profile?.CredentialProfileStore is not SharedCredentialsFile files) return profile?.EndpointUrl;
        return FindOfServices(files, profile.Services)
            ?? FindIn(files.FilePath, isConfiguration: false, profile.Name) ?? FindIn(files.ConfigFilePath, isConfiguration: true, profile.Name);
    }

    private static string? FindOfServices(SharedCredentialsFile files, string? services)
        => services is not null && File.Exists(files.ConfigFilePath)
            && new ProfileIniFile(files.ConfigFilePath, true).TryGetSection(services, false, true, out _, out var nested)
            ? nested.GetValueOrDefault("s3")?.GetValueOrDefault(EndpointKey) : null;

    private static string? FindIn(string path, bool isConfiguration, string profile)
        => File.Exists(path) && new ProfileIniFile(path, isConfiguration).TryGetSection(profile, false, false, out var properties, out _)
            ? properties.GetValueOrDefault(EndpointKey) : null;
}
