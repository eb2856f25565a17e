using Amazon.Runtime.CredentialManagement;
using Amazon.Runtime.Internal.Util;

namespace BorgStore.Backends.S3;

/// <summary>The server that a profile of the AWS configuration names.</summary>
/// <remarks>The SDK keeps to itself what it reads of a section 'services', and forgets the server of a profile that says to ignore it, also where
/// the environment says not to.</remarks>
internal static class ProfileEndpoint
{
    private const string EndpointKey = "endpoint_url";

    /// <summary>Returns the server as it is written there: that of the section 'services' for S3 before that of the profile.</summary>
    /// <param name="profile">The profile, where there is one.</param>
    public static string? Find(CredentialProfile? profile)
    {
        // Only Windows has profiles elsewhere, and those name no servers.
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
